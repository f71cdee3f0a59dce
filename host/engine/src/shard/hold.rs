//! Keeps to the bytes in flight: while they are used up, a shard decides one command at a time.

use cantus_model::AggregateRef;

use super::Shard;

impl Shard {
    /// Whether a decision has to wait. Never while nothing of this shard is in flight: then nothing would ever wake it.
    pub(super) fn must_hold_back(&self) -> bool {
        self.in_flight > 0 && self.links.budget.is_used_up()
    }

    /// Leaves the commands of a warm aggregate in its queue until a batch is settled.
    pub(super) fn hold_back(&mut self, aggregate: &AggregateRef) {
        if let Some(slot) = self.slots.peek_mut(aggregate).filter(|slot| !slot.is_held_back) {
            slot.is_held_back = true;
            self.held_back.push(aggregate.clone());
        }
    }

    /// Goes on with those that were held back, in their order; some may have to wait again.
    pub(super) fn release_held_back(&mut self) {
        for aggregate in std::mem::take(&mut self.held_back) {
            if let Some(slot) = self.slots.peek_mut(&aggregate) {
                slot.is_held_back = false;
            }
            self.advance(&aggregate);
        }
    }
}
