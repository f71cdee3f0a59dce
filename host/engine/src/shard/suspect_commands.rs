//! The command kinds that a shard treats as suspect.

use std::num::NonZeroUsize;

use cantus_model::{Digest, Route};
use lru::LruCache;

use crate::job::Job;

/// Kinds that one shard remembers; the least recently used one is forgotten.
const MAX_KINDS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// A kind of command of one component.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SuspectKind {
    component: Digest,
    aggregate_type: String,
    name: String,
    version: u32,
}

/// The suspect kinds.
pub(super) struct SuspectCommands(LruCache<SuspectKind, ()>);

impl Default for SuspectCommands {
    fn default() -> Self {
        Self(LruCache::new(MAX_KINDS))
    }
}

impl SuspectCommands {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, job: &Job, route: &Route) {
        self.0.put(kind(job, route), ());
    }

    pub(super) fn remove(&mut self, job: &Job, route: &Route) {
        self.0.pop(&kind(job, route));
    }

    pub(super) fn contains(&self, job: &Job, route: &Route) -> bool {
        self.0.contains(&kind(job, route))
    }
}

fn kind(job: &Job, route: &Route) -> SuspectKind {
    SuspectKind {
        component: route.hosted.digest,
        aggregate_type: job.command.aggregate.aggregate_type.clone(),
        name: job.command.name.clone(),
        version: route.version,
    }
}
