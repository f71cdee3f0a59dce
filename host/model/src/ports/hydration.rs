//! Bringing aggregates into memory: snapshots, and reading for many aggregates at once.

use async_trait::async_trait;

use super::{Claim, EventReader, StoreError};
use crate::{AggregateRef, Digest, EventBatch, PageLimit, Snapshot, StreamHead};

/// A disposable cache of states: for each stream the newest snapshot of each of the two components that last saved one,
/// so that going back to the one before does not begin at the first event.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// The snapshot that `component` wrote for `aggregate`. Another component's, or a damaged one, is `None`.
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError>;

    /// Saves snapshots of aggregates of the claimed partition. May be lost in a crash.
    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError>;
}

/// Whom to bring into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HydrationRequest {
    /// Whose stream.
    pub aggregate: AggregateRef,
    /// Whose snapshot to start from, if there is one.
    pub snapshot_of: Option<Digest>,
    /// How much to read at once.
    pub page: PageLimit,
}

/// What hydration begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hydration {
    /// How far the stream has come.
    pub head: StreamHead,
    /// A state to start from.
    pub snapshot: Option<Snapshot>,
    /// The first events after it: not always all, and perhaps none although there are some.
    pub events: EventBatch,
}

/// Reading for many aggregates at once: what a batch costs is paid once.
#[async_trait]
pub trait Hydrator: EventReader + SnapshotStore {
    /// What hydration of each begins with, in their order.
    ///
    /// # Errors
    /// If one of them cannot be read: which one is found out by asking for each alone.
    async fn hydrate(&self, asked: &[HydrationRequest]) -> Result<Vec<Hydration>, StoreError> {
        let mut hydrations = Vec::with_capacity(asked.len());
        for HydrationRequest { aggregate, snapshot_of, page } in asked {
            let head = self.stream_head(aggregate).await?;
            let snapshot = match snapshot_of {
                Some(component) if head.version > 0 => self.load_snapshot(aggregate, *component).await?,
                _ => None,
            };
            // A snapshot beyond the stream would be a state that never was.
            let snapshot = snapshot.filter(|snapshot| snapshot.version <= head.version);
            let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
            let left = usize::try_from(head.version - after).unwrap_or(usize::MAX);
            let events = match left {
                0 => EventBatch::default(),
                _ => {
                    let limit = PageLimit { events: page.events.min(left), ..*page };
                    self.read_stream(aggregate, after, limit).await?
                }
            };
            hydrations.push(Hydration { head, snapshot, events });
        }
        Ok(hydrations)
    }
}
