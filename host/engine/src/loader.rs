//! Reads what a shard needs to hydrate an aggregate: a snapshot, then pages of events. It never folds.

use std::sync::Arc;

use cantus_model::{
    EventBatch, PageLimit, Snapshot, StreamHead,
    ports::{Hydration, Store, StoreError, ToHydrate},
};
use crossbeam_channel::Sender;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
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
    /// Whom, and whose snapshot to look for, and how much to read, and to fold, at once.
    pub(crate) asked: ToHydrate,
    /// Tells this load's messages from those of one that was given up.
    pub(crate) id: u64,
}

/// One per shard. As the committer does with commands, it takes what queued while the last reading was under way.
pub(crate) struct Loader {
    requests: mpsc::UnboundedSender<LoadTask>,
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
        runtime: &Handle,
        shard: Sender<ShardMessage>,
    ) -> Self {
        let (requests, queue) = mpsc::unbounded_channel();
        let reader = Reader { store, shard, at_once: settings.concurrent_loads.max(1) };
        runtime.spawn(reader.run(queue));
        Self { requests }
    }

    pub(crate) fn start(&self, request: LoadRequest) -> Load {
        let pages = Arc::new(Semaphore::new(PAGES_AHEAD));
        // The reader ends with the runtime; then nobody waits for this.
        let _ = self.requests.send(LoadTask { pages: Arc::clone(&pages), request });
        Load { pages }
    }
}

/// A request, and the places for its pages.
struct LoadTask {
    pages: Arc<Semaphore>,
    request: LoadRequest,
}

#[derive(Clone)]
struct Reader {
    store: Arc<dyn Store>,
    shard: Sender<ShardMessage>,
    at_once: usize,
}

impl Reader {
    async fn run(self, mut queue: mpsc::UnboundedReceiver<LoadTask>) {
        // Streams of many pages go on by themselves while others are read.
        let long = Arc::new(Semaphore::new(self.at_once));
        let mut batch = Vec::new();
        while queue.recv_many(&mut batch, self.at_once).await > 0 {
            batch.retain(|task| !task.pages.is_closed()); // given up meanwhile
            for (task, hydration) in self.hydrate(std::mem::take(&mut batch)).await {
                match hydration {
                    Ok(hydration) => self.deliver(task, hydration, &long),
                    Err(error) => self.send(&task.request, Loaded::Failed(error)),
                }
            }
        }
    }

    /// Reads for all of them; if that fails, for each alone, so that only those fail that must.
    async fn hydrate(&self, batch: Vec<LoadTask>) -> Vec<(LoadTask, Result<Hydration, StoreError>)> {
        let asked: Vec<ToHydrate> = batch.iter().map(|task| task.request.asked.clone()).collect();
        match self.read(asked.clone()).await {
            Ok(hydrations) => batch.into_iter().zip(hydrations.into_iter().map(Ok)).collect(),
            Err(error) if batch.len() == 1 => batch.into_iter().map(|task| (task, Err(error.clone()))).collect(),
            Err(_) => {
                let mut results = Vec::with_capacity(batch.len());
                for (task, asked) in batch.into_iter().zip(asked) {
                    let hydration = self.read(vec![asked]).await;
                    results.push((task, hydration.map(|mut one| one.pop().unwrap_or_default())));
                }
                results
            }
        }
    }

    /// On a task of its own, so that the shard hears of a panic too.
    async fn read(&self, asked: Vec<ToHydrate>) -> Result<Vec<Hydration>, StoreError> {
        let store = Arc::clone(&self.store);
        let count = asked.len();
        let read = tokio::spawn(async move { store.hydrate(&asked).await }).await;
        match read.unwrap_or_else(|panic| Err(StoreError::Other(panic.to_string()))) {
            Ok(hydrations) if hydrations.len() != count => {
                Err(StoreError::Other(format!("the store read {} of {count} streams", hydrations.len())))
            }
            result => result,
        }
    }

    /// Hands over what was read, and sees to it that the rest is.
    fn deliver(&self, task: LoadTask, hydration: Hydration, long: &Arc<Semaphore>) {
        let Hydration { head, snapshot, events } = hydration;
        let version = snapshot.as_ref().map_or(0, |snapshot| snapshot.version) + events.len() as u64;
        self.send(&task.request, Loaded::Start { head, snapshot });
        if !events.is_empty() {
            let Ok(place) = Arc::clone(&task.pages).try_acquire_owned() else { return };
            self.send(&task.request, Loaded::Page { events, place });
        }
        if version == head.version {
            return self.send(&task.request, Loaded::End);
        }
        let (reader, long) = (self.clone(), Arc::clone(long));
        tokio::spawn(async move {
            let Ok(_place) = long.acquire_owned().await else { return };
            let task = Arc::new(task);
            let (reading, of) = (reader.clone(), Arc::clone(&task));
            let read = tokio::spawn(async move { reading.read_on(&of, version, head.version).await }).await;
            if let Err(error) = read.unwrap_or_else(|panic| Err(StoreError::Other(panic.to_string()))) {
                reader.send(&task.request, Loaded::Failed(error));
            }
        });
    }

    /// Reads a stream from a version to its end, page by page.
    async fn read_on(&self, task: &LoadTask, mut version: u64, end: u64) -> Result<(), StoreError> {
        let ToHydrate { aggregate, page, .. } = &task.request.asked;
        while version < end {
            let Ok(place) = Arc::clone(&task.pages).acquire_owned().await else { return Ok(()) };
            let left = usize::try_from(end - version).unwrap_or(usize::MAX);
            let limit = PageLimit { events: page.events.min(left), ..*page };
            let events = self.store.read_stream(aggregate, version, limit).await?;
            if events.is_empty() {
                return Err(StoreError::Corrupt(format!("{aggregate} ends at {version}, not at {end}")));
            }
            version += events.len() as u64;
            self.send(&task.request, Loaded::Page { events, place });
        }
        self.send(&task.request, Loaded::End);
        Ok(())
    }

    fn send(&self, request: &LoadRequest, loaded: Loaded) {
        // The shard may have stopped; then nobody waits for this.
        let aggregate = request.asked.aggregate.clone();
        let _ = self.shard.send(ShardMessage::Loaded { aggregate, load: request.id, loaded });
    }
}
