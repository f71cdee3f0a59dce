//! Reads what a shard needs to hydrate an aggregate: a snapshot, then pages of events. It never folds.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, Digest, EventBatch, Snapshot, StreamHead,
    ports::{Store, StoreError},
};
use crossbeam_channel::Sender;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{Settings, shard::ShardMessage};

/// Pages that may wait at the shard: while one is folded, the next is read.
const PAGES_AHEAD: usize = 2;

/// What the loader has read of an aggregate, in this order: one `Start`, pages, one `End`. Or `Failed`.
pub(crate) enum Loaded {
    Start { head: StreamHead, snapshot: Option<Snapshot> },
    Page { events: EventBatch, place: OwnedSemaphorePermit },
    End,
    Failed(StoreError),
}

/// What to read.
pub(crate) struct LoadRequest {
    pub(crate) aggregate: AggregateRef,
    /// Tells this load's messages from those of one that was given up.
    pub(crate) id: u64,
    /// Whose snapshot to look for, if any.
    pub(crate) snapshot_of: Option<Digest>,
}

/// One per shard.
pub(crate) struct Loader {
    store: Arc<dyn Store>,
    settings: Arc<Settings>,
    runtime: Handle,
    shard: Sender<ShardMessage>,
    places: Arc<Semaphore>,
}

/// A load that is under way; dropping it gives it up.
pub(crate) struct Load {
    pages: Arc<Semaphore>,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.pages.close();
    }
}

impl Loader {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        settings: Arc<Settings>,
        runtime: Handle,
        shard: Sender<ShardMessage>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(settings.concurrent_loads));
        Self { store, settings, runtime, shard, places }
    }

    pub(crate) fn start(&self, request: LoadRequest) -> Load {
        let pages = Arc::new(Semaphore::new(PAGES_AHEAD));
        let task = LoadTask {
            store: Arc::clone(&self.store),
            page_events: self.settings.page_events,
            shard: self.shard.clone(),
            pages: Arc::clone(&pages),
            request,
        };
        let places = Arc::clone(&self.places);
        self.runtime.spawn(async move {
            let Ok(_place) = places.acquire_owned().await else { return };
            if let Err(error) = task.run().await {
                task.send(Loaded::Failed(error));
            }
        });
        Load { pages }
    }
}

struct LoadTask {
    store: Arc<dyn Store>,
    page_events: usize,
    shard: Sender<ShardMessage>,
    pages: Arc<Semaphore>,
    request: LoadRequest,
}

impl LoadTask {
    async fn run(&self) -> Result<(), StoreError> {
        let aggregate = &self.request.aggregate;
        let head = self.store.stream_head(aggregate).await?;
        let snapshot = match self.request.snapshot_of {
            Some(component) if head.version > 0 => self.store.load_snapshot(aggregate, component).await?,
            _ => None,
        };
        // A snapshot beyond the stream would be a state that never was.
        let snapshot = snapshot.filter(|snapshot| snapshot.version <= head.version);
        let mut version = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        self.send(Loaded::Start { head, snapshot });
        while version < head.version {
            let Ok(place) = Arc::clone(&self.pages).acquire_owned().await else { return Ok(()) };
            let wanted = self.page_events.min((head.version - version) as usize);
            let events = self.store.read_stream(aggregate, version, wanted).await?;
            if events.is_empty() {
                return Err(StoreError::Corrupt(format!("{aggregate} ends at {version}, not at {}", head.version)));
            }
            version += events.len() as u64;
            self.send(Loaded::Page { events, place });
        }
        self.send(Loaded::End);
        Ok(())
    }

    fn send(&self, loaded: Loaded) {
        // The shard may have stopped; then nobody waits for this.
        let _ = self.shard.send(ShardMessage::Loaded {
            aggregate: self.request.aggregate.clone(),
            load: self.request.id,
            loaded,
        });
    }
}
