//! Brings aggregates into memory: snapshots, and reading for many aggregates at once.

use async_trait::async_trait;

use super::{Claim, EventReader, StoreError};
use crate::{AggregateRef, Digest, EventBatch, PageLimit, Snapshot, StreamHead, StreamRange};

/// A cache of states that can be deleted at any time: for each stream, the newest snapshot of each of the two
/// components that last saved one. Two, so that going back to the previous component does not begin at the first
/// event.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// Loads the snapshot that `component` wrote for `aggregate`. Another component's snapshot, or a damaged one, is
    /// `None`.
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError>;

    /// Saves snapshots of aggregates of the claimed partition. They may be lost in a crash.
    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError>;
}

/// A request to bring one aggregate into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HydrationRequest {
    /// The aggregate of the stream.
    pub aggregate: AggregateRef,
    /// The component whose snapshot is used, if there is one.
    pub snapshot_of: Option<Digest>,
    /// Limits the first page.
    pub page: PageLimit,
}

/// The data with which the hydration of one aggregate begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hydration {
    /// The current end of the stream.
    pub head: StreamHead,
    /// The state to start from.
    pub snapshot: Option<Snapshot>,
    /// The first events after it: not always all, and possibly none although there are some.
    pub events: EventBatch,
}

/// Reads for many aggregates at once, so that the cost of a transaction is paid once.
#[async_trait]
pub trait Hydrator: EventReader + SnapshotStore {
    /// Reads the data with which the hydration of each aggregate begins, in the order of the requests.
    ///
    /// # Errors
    /// If one of them cannot be read. Asking for each alone finds out which one.
    async fn hydrate(&self, requests: &[HydrationRequest]) -> Result<Vec<Hydration>, StoreError> {
        let mut hydrations = Vec::with_capacity(requests.len());
        for HydrationRequest { aggregate, snapshot_of, page } in requests {
            let head = self.stream_head(aggregate).await?;
            let snapshot = match snapshot_of {
                Some(component) if head.version > 0 => self.load_snapshot(aggregate, *component).await?,
                _ => None,
            };
            // A snapshot of a later version would be a state that never existed.
            let snapshot = snapshot.filter(|snapshot| snapshot.version <= head.version);
            let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
            let range = StreamRange { after, end: head.version };
            let events = match range.is_empty() {
                true => EventBatch::default(),
                false => self.read_stream(aggregate, after, range.limit(*page)).await?,
            };
            hydrations.push(Hydration { head, snapshot, events });
        }
        Ok(hydrations)
    }
}
