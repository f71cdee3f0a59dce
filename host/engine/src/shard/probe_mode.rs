//! Decides whether a shard asks the store for a command before it decides it.

use std::collections::HashMap;

use cantus_model::AggregateRef;

/// New commands in a row after which the shard stops asking first.
const NEW_IN_A_ROW: u32 = 512;

/// Decides whether a shard asks first.
#[derive(Default)]
pub(super) struct ProbeMode {
    /// Count of new commands that are still probed.
    left: u32,
    /// Count of probes in flight by aggregate. Later commands of these aggregates are probed too, so that they keep
    /// their order.
    asked: HashMap<AggregateRef, usize>,
}

impl ProbeMode {
    /// Records that a command of this aggregate is probed.
    pub(super) fn ask(&mut self, aggregate: &AggregateRef) {
        *self.asked.entry(aggregate.clone()).or_default() += 1;
    }

    /// Records that a command is new.
    pub(super) fn found_new(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// Records that a command was decided before.
    pub(super) fn found_known(&mut self) {
        self.left = NEW_IN_A_ROW;
    }

    pub(super) fn asks_for(&self, aggregate: &AggregateRef) -> bool {
        self.left > 0 || self.asked.contains_key(aggregate)
    }

    pub(super) fn answered(&mut self, aggregate: &AggregateRef) {
        if let Some(asked) = self.asked.get_mut(aggregate) {
            *asked -= 1;
            if *asked == 0 {
                self.asked.remove(aggregate);
            }
        }
    }
}
