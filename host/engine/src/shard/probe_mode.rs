//! Whether a shard asks the store first.

use std::collections::HashMap;

use cantus_model::AggregateRef;

/// Commands in a row that turn out to be new before the shard stops asking first.
const NEW_IN_A_ROW: u32 = 512;

/// Whether a shard asks first.
#[derive(Default)]
pub(super) struct ProbeMode {
    /// How many more commands are asked for.
    left: u32,
    /// Aggregates with commands that are asked for. Their later commands are asked for too: so they keep their order.
    asked: HashMap<AggregateRef, usize>,
}

impl ProbeMode {
    /// Notes that the store is asked for a command of this aggregate.
    pub(super) fn ask(&mut self, aggregate: &AggregateRef) {
        *self.asked.entry(aggregate.clone()).or_default() += 1;
    }

    /// Notes a command that turned out to be new.
    pub(super) fn found_new(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// Notes a command that turned out to have been decided before.
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
