//! What the writer knows of the streams that it wrote to last. Only the host with the newest claim appends, so what it wrote is
//! where its streams stand, and a commit need not look them up again. A connection that failed goes, and what it knew with it.

use std::{collections::HashMap, num::NonZeroUsize};

use cantus_model::{AggregateRef, PartitionId, ports::Claim};
use lru::LruCache;

use crate::planner::KnownStream;

/// Streams that are remembered; about 5 MB.
const STREAMS: NonZeroUsize = NonZeroUsize::MIN.saturating_add((32 << 10) - 1);

pub(super) struct StreamCache {
    /// What is known of a partition was written under this claim.
    claims: HashMap<PartitionId, Claim>,
    streams: LruCache<AggregateRef, KnownStream>,
}

impl Default for StreamCache {
    fn default() -> Self {
        Self { claims: HashMap::new(), streams: LruCache::new(STREAMS) }
    }
}

impl StreamCache {
    /// Forgets what was written under another claim: somebody else may have written since.
    pub(super) fn hold_to(&mut self, claim: Claim) {
        if self.claims.insert(claim.partition, claim).is_some_and(|before| before != claim) {
            self.streams.clear();
        }
    }

    pub(super) fn get(&mut self, aggregate: &AggregateRef) -> Option<KnownStream> {
        self.streams.get(aggregate).copied()
    }

    /// Remembers where a stream stands, within the transaction that brought it there.
    pub(super) fn put(&mut self, aggregate: &AggregateRef, stream: KnownStream) {
        match self.streams.get_mut(aggregate) {
            Some(known) => *known = stream,
            None => drop(self.streams.put(aggregate.clone(), stream)),
        }
    }
}
