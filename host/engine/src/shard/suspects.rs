//! Command kinds that made a guest fault among other aggregates. Until one of its kind succeeds, such a command is decided in a
//! sandbox apart: sent to many aggregates, it would drop the shared one each time.

use cantus_model::AggregateRef;

use super::{Shard, sandboxes::SandboxId};
use crate::job::Job;

impl Shard {
    /// Notes that a command made the guest fault. Alone in its sandbox, it harmed nobody.
    pub(super) fn suspect(&mut self, job: &Job, sandbox: SandboxId) {
        if self.sandboxes.is_poisoned(sandbox)
            && !self.sandboxes.is_alone(sandbox)
            && let Some(route) = &job.route
        {
            self.suspects.insert(job, route);
        }
    }

    /// Notes that a command was decided.
    pub(super) fn trust(&mut self, job: &Job) {
        if !self.suspects.is_empty()
            && let Some(route) = &job.route
        {
            self.suspects.remove(job, route);
        }
    }

    /// Whether a command may only be decided apart.
    pub(super) fn is_suspect(&self, job: &Job) -> bool {
        let route = job.route.as_ref().filter(|_| !self.suspects.is_empty());
        route.is_some_and(|route| self.suspects.contains(job, route))
    }

    /// Whether the next command of an aggregate is such a one.
    pub(super) fn is_next_suspect(&self, aggregate: &AggregateRef) -> bool {
        let slot = self.slots.peek(aggregate).filter(|_| !self.suspects.is_empty());
        slot.and_then(|slot| slot.queue.front()).is_some_and(|job| self.is_suspect(job))
    }
}
