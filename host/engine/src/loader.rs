//! Reads what a shard needs to hydrate an aggregate: a snapshot, then pages of events. It never folds.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, Digest, EventBatch, PageLimit, Snapshot, StreamHead,
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
    /// How much to read, and to fold, at once.
    pub(crate) page: PageLimit,
}

/// One per shard.
pub(crate) struct Loader {
    store: Arc<dyn Store>,
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
        settings: &Settings,
        runtime: Handle,
        shard: Sender<ShardMessage>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(settings.concurrent_loads));
        Self { store, runtime, shard, places }
    }

    pub(crate) fn start(&self, request: LoadRequest) -> Load {
        let pages = Arc::new(Semaphore::new(PAGES_AHEAD));
        let task =
            LoadTask { store: Arc::clone(&self.store), shard: self.shard.clone(), pages: Arc::clone(&pages), request };
        let places = Arc::clone(&self.places);
        self.runtime.spawn(async move {
            let Ok(_place) = places.acquire_owned().await else { return };
            let task = Arc::new(task);
            let running = Arc::clone(&task);
            // In a task of its own, so that the shard hears of a panic too.
            match tokio::spawn(async move { running.run().await }).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => task.send(Loaded::Failed(error)),
                Err(panic) => task.send(Loaded::Failed(StoreError::Other(panic.to_string()))),
            }
        });
        Load { pages }
    }
}

struct LoadTask {
    store: Arc<dyn Store>,
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
            let left = usize::try_from(head.version - version).unwrap_or(usize::MAX);
            let page = self.request.page;
            let limit = PageLimit { events: page.events.min(left), ..page };
            let events = self.store.read_stream(aggregate, version, limit).await?;
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
