//! The aggregates that a swap has made cold.

use std::collections::VecDeque;

use cantus_model::AggregateRef;

/// Aggregates that are hydrated again in the background after a swap, the most recently used first.
#[derive(Default)]
pub(super) struct WarmupQueue {
    pub(super) waiting: VecDeque<AggregateRef>,
    pub(super) loading: Vec<AggregateRef>,
}
