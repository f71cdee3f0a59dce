//! Caches the positions of the streams that were written last. Only the host with the newest claim appends, so a commit need not
//! look up a stream that it wrote to. The cache belongs to a connection and is dropped with a connection that failed.

use std::{collections::HashMap, num::NonZeroUsize};

use cantus_model::{AggregateRef, PartitionId, ports::Claim};
use lru::LruCache;

use crate::planner::StreamPosition;

/// Streams in the cache; about 5 MB.
const CACHED_STREAMS: NonZeroUsize = NonZeroUsize::MIN.saturating_add((32 << 10) - 1);

pub(super) struct StreamCache {
    /// The claim under which the positions of a partition were written.
    claims: HashMap<PartitionId, Claim>,
    streams: LruCache<AggregateRef, StreamPosition>,
}

impl Default for StreamCache {
    fn default() -> Self {
        Self { claims: HashMap::new(), streams: LruCache::new(CACHED_STREAMS) }
    }
}

impl StreamCache {
    /// Clears positions that were written under another claim: another host may have written since.
    pub(super) fn clear_other_claims(&mut self, claim: Claim) {
        if self.claims.insert(claim.partition, claim).is_some_and(|before| before != claim) {
            self.streams.clear();
        }
    }

    pub(super) fn get(&mut self, aggregate: &AggregateRef) -> Option<StreamPosition> {
        self.streams.get(aggregate).copied()
    }

    /// Stores the position of a stream, within the transaction that wrote it.
    pub(super) fn put(&mut self, aggregate: &AggregateRef, stream: StreamPosition) {
        match self.streams.get_mut(aggregate) {
            Some(cached) => *cached = stream,
            None => drop(self.streams.put(aggregate.clone(), stream)),
        }
    }
}
