//! Limits the bytes in flight: while they are used up, a shard decides one command at a time.

use cantus_model::AggregateRef;

use super::Shard;

impl Shard {
    /// Reports whether a decision has to wait. Never while this shard has nothing in flight: then nothing would wake
    /// it.
    pub(super) fn must_defer(&self) -> bool {
        self.in_flight > 0 && self.links.budget.is_exhausted()
    }

    /// Leaves the commands of a warm aggregate in its queue until a batch is resolved.
    pub(super) fn defer(&mut self, aggregate: &AggregateRef) {
        if let Some(slot) = self.slots.peek_mut(aggregate).filter(|slot| !slot.is_deferred) {
            slot.is_deferred = true;
            self.deferred.push(aggregate.clone());
        }
    }

    /// Resumes the deferred aggregates in their order; some may have to wait again.
    pub(super) fn resume_deferred(&mut self) {
        for aggregate in std::mem::take(&mut self.deferred) {
            if let Some(slot) = self.slots.peek_mut(&aggregate) {
                slot.is_deferred = false;
            }
            self.advance(&aggregate);
        }
    }
}
