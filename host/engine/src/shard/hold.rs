//! Limits the bytes in flight: while they are used up, a shard decides one command at a time.

use cantus_model::AggregateRef;

use super::Shard;

impl Shard {
    /// Reports whether a decision has to wait. Never while this shard has nothing in flight: then nothing would wake
    /// it.
    pub(super) fn must_hold_back(&self) -> bool {
        self.in_flight > 0 && self.links.budget.is_used_up()
    }

    /// Leaves the commands of a warm aggregate in its queue until a batch is resolved.
    pub(super) fn hold_back(&mut self, aggregate: &AggregateRef) {
        if let Some(slot) = self.slots.peek_mut(aggregate).filter(|slot| !slot.is_held_back) {
            slot.is_held_back = true;
            self.held_back.push(aggregate.clone());
        }
    }

    /// Resumes the deferred aggregates in their order; some may have to wait again.
    pub(super) fn release_held_back(&mut self) {
        for aggregate in std::mem::take(&mut self.held_back) {
            if let Some(slot) = self.slots.peek_mut(&aggregate) {
                slot.is_held_back = false;
            }
            self.advance(&aggregate);
        }
    }
}
