//! Isolates command kinds that made a guest fault in a shared sandbox. Until a command of such a kind succeeds, all
//! of them are decided in dedicated sandboxes: sent to many aggregates, they would drop the shared one each time.

use cantus_model::AggregateRef;

use super::{Shard, sandboxes::SandboxId};
use crate::job::Job;

impl Shard {
    /// Marks the kind of a command that made the guest fault. In a dedicated sandbox it harmed no other aggregate.
    pub(super) fn mark_suspect(&mut self, job: &Job, sandbox: SandboxId) {
        if self.sandboxes.is_poisoned(sandbox)
            && !self.sandboxes.is_dedicated(sandbox)
            && let Some(route) = &job.route
        {
            self.suspects.insert(job, route);
        }
    }

    /// Clears the mark of a command that was decided.
    pub(super) fn clear_suspect(&mut self, job: &Job) {
        if !self.suspects.is_empty()
            && let Some(route) = &job.route
        {
            self.suspects.remove(job, route);
        }
    }

    /// Reports whether a command may only be decided in a dedicated sandbox.
    pub(super) fn is_suspect(&self, job: &Job) -> bool {
        let route = job.route.as_ref().filter(|_| !self.suspects.is_empty());
        route.is_some_and(|route| self.suspects.contains(job, route))
    }

    /// Reports whether the next command of an aggregate is suspect.
    pub(super) fn is_next_suspect(&self, aggregate: &AggregateRef) -> bool {
        let slot = self.slots.peek(aggregate).filter(|_| !self.suspects.is_empty());
        slot.and_then(|slot| slot.queue.front()).is_some_and(|job| self.is_suspect(job))
    }
}
