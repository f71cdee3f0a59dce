//! Command kinds that made a guest fault among other aggregates. Until one of its kind succeeds, such a command is decided in a
//! sandbox apart: sent to many aggregates, it would drop the shared one each time.

use std::num::NonZeroUsize;

use cantus_model::{AggregateRef, Digest};
use lru::LruCache;

use super::{Shard, sandboxes::SandboxId};
use crate::{job::Job, plugins::Route};

/// Kinds that one shard remembers; the one that was used longest ago is forgotten.
const KINDS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// A kind of command, as one component decides it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CommandKind {
    component: Digest,
    aggregate_type: String,
    name: String,
    version: u32,
}

/// The kinds that are suspected.
pub(super) struct Suspects(LruCache<CommandKind, ()>);

impl Default for Suspects {
    fn default() -> Self {
        Self(LruCache::new(KINDS))
    }
}

impl Shard {
    /// Notes that a command made the guest fault. Alone in its sandbox, it harmed nobody.
    pub(super) fn suspect(&mut self, job: &Job, sandbox: SandboxId) {
        if self.sandboxes.is_poisoned(sandbox)
            && !self.sandboxes.is_alone(sandbox)
            && let Some(route) = &job.route
        {
            self.suspects.0.put(kind(job, route), ());
        }
    }

    /// Notes that a command was decided.
    pub(super) fn trust(&mut self, job: &Job) {
        if !self.suspects.0.is_empty()
            && let Some(route) = &job.route
        {
            self.suspects.0.pop(&kind(job, route));
        }
    }

    /// Whether a command may only be decided apart.
    pub(super) fn is_suspect(&self, job: &Job) -> bool {
        let route = job.route.as_ref().filter(|_| !self.suspects.0.is_empty());
        route.is_some_and(|route| self.suspects.0.contains(&kind(job, route)))
    }

    /// Whether the next command of an aggregate is such a one.
    pub(super) fn is_next_suspect(&self, aggregate: &AggregateRef) -> bool {
        let slot = self.slots.peek(aggregate).filter(|_| !self.suspects.0.is_empty());
        slot.and_then(|slot| slot.queue.front()).is_some_and(|job| self.is_suspect(job))
    }
}

fn kind(job: &Job, route: &Route) -> CommandKind {
    CommandKind {
        component: route.hosted.digest,
        aggregate_type: job.command.aggregate.aggregate_type.clone(),
        name: job.command.name.clone(),
        version: route.version,
    }
}
