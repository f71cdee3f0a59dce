//! The parts in which a loader sends an aggregate to its shard.

use cantus_model::{EventBatch, Snapshot, StreamHead, ports::StoreError};
use tokio::sync::OwnedSemaphorePermit;

/// A part of an aggregate that was read. They come in this order: one `Start`, pages, one `End`. Or `Failed`.
pub(crate) enum LoadedPart {
    Start { head: StreamHead, snapshot: Option<Snapshot> },
    Page { events: EventBatch, permits: PagePermits },
    End,
    Failed(StoreError),
}

/// The permits that a page holds, of the aggregate and of the shard, until it is folded.
pub(crate) struct PagePermits {
    pub(crate) _page: OwnedSemaphorePermit,
    pub(crate) _bytes: Option<OwnedSemaphorePermit>,
}
