//! Messages to a shard.

use std::sync::Arc;

use cantus_model::{AggregateRef, Roster};

use crate::{job::Job, loaded_part::LoadedPart, submission::SettledJob};

/// A message to a shard. It takes them one after another.
pub(crate) enum ShardMessage {
    Command(Box<Job>),
    Loaded {
        aggregate: AggregateRef,
        load: u64,
        part: LoadedPart,
    },
    Settled(Vec<SettledJob>),
    /// The jobs of a batch that the store has not answered in time. Without jobs, it reports that there is such a batch.
    BatchExpired(Vec<Job>),
    /// The store has answered such a batch, with these aggregates in it.
    BatchReturned(Arc<[AggregateRef]>),
    Swap(Arc<Roster>),
    Stop,
}
