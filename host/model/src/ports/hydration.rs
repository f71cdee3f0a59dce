//! Hydration: snapshots, and reads for many aggregates at once.

use async_trait::async_trait;

use super::{Claim, EventReader, StoreError};
use crate::{AggregateRef, Digest, EventBatch, PageLimit, Snapshot, StreamHead};

/// A disposable cache of states: for each stream the newest snapshot of each of the two components that last saved one,
/// so that going back to the one before does not begin at the first event.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// Reads the snapshot that `component` wrote for `aggregate`. Returns `None` if there is none, or if it is damaged.
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError>;

    /// Saves snapshots of aggregates of the claimed partition. A crash may lose them.
    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError>;
}

/// An aggregate to hydrate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HydrationRequest {
    /// The aggregate.
    pub aggregate: AggregateRef,
    /// The component whose snapshot to start from, if there is one.
    pub snapshot_of: Option<Digest>,
    /// The limits of the first page of events.
    pub page: PageLimit,
}

/// The snapshot and the first events of an aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hydration {
    /// The head of the stream.
    pub head: StreamHead,
    /// The state to start from.
    pub snapshot: Option<Snapshot>,
    /// The first events after the snapshot; the caller reads the others. They may be none although there are some.
    pub events: EventBatch,
}

/// Reads for many aggregates at once, so that the cost of a transaction is paid once.
#[async_trait]
pub trait Hydrator: EventReader + SnapshotStore {
    /// Reads the snapshot and the first events of each aggregate, in the order of the requests.
    ///
    /// # Errors
    /// If one of them cannot be read. The caller reads each alone to find out which one.
    async fn hydrate(&self, asked: &[HydrationRequest]) -> Result<Vec<Hydration>, StoreError> {
        let mut hydrations = Vec::with_capacity(asked.len());
        for HydrationRequest { aggregate, snapshot_of, page } in asked {
            let head = self.stream_head(aggregate).await?;
            let snapshot = match snapshot_of {
                Some(component) if head.version > 0 => self.load_snapshot(aggregate, *component).await?,
                _ => None,
            };
            // A snapshot ahead of the stream is a state that the log never had.
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
