//! What a loader hands to its shard.

use cantus_model::{EventBatch, Snapshot, StreamHead, ports::StoreError};
use tokio::sync::OwnedSemaphorePermit;

/// What the loader has read of an aggregate, in this order: one `Start`, pages, one `End`. Or `Failed`.
pub(crate) enum LoadedPart {
    Start { head: StreamHead, snapshot: Option<Snapshot> },
    Page { events: EventBatch, permits: PagePermits },
    End,
    Failed(StoreError),
}

/// What a page takes of the aggregate's share and of the shard's until it is folded.
pub(crate) struct PagePermits {
    pub(crate) _page: OwnedSemaphorePermit,
    pub(crate) _bytes: Option<OwnedSemaphorePermit>,
}
