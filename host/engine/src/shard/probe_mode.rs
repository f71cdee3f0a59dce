//! Decides whether a shard asks the store for a command before it decides it.

use std::collections::HashMap;

use cantus_model::AggregateRef;

/// New commands in a row after which the shard stops asking first.
const NEW_COMMANDS: u32 = 512;

/// Decides whether a shard asks first.
#[derive(Default)]
pub(super) struct ProbeMode {
    /// Count of new commands that are still probed.
    remaining: u32,
    /// Count of probes in flight by aggregate. Later commands of these aggregates are probed too, so that they keep
    /// their order.
    in_flight: HashMap<AggregateRef, usize>,
}

impl ProbeMode {
    /// Records that a command of this aggregate is probed.
    pub(super) fn record_probe(&mut self, aggregate: &AggregateRef) {
        *self.in_flight.entry(aggregate.clone()).or_default() += 1;
    }

    /// Records that a command is new.
    pub(super) fn record_new(&mut self) {
        self.remaining = self.remaining.saturating_sub(1);
    }

    /// Records that a command was decided before.
    pub(super) fn record_known(&mut self) {
        self.remaining = NEW_COMMANDS;
    }

    pub(super) fn must_probe(&self, aggregate: &AggregateRef) -> bool {
        self.remaining > 0 || self.in_flight.contains_key(aggregate)
    }

    pub(super) fn record_answer(&mut self, aggregate: &AggregateRef) {
        if let Some(in_flight) = self.in_flight.get_mut(aggregate) {
            *in_flight -= 1;
            if *in_flight == 0 {
                self.in_flight.remove(aggregate);
            }
        }
    }
}
