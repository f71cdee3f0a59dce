//! Reads the data with which a shard hydrates an aggregate: a snapshot, then pages of events. It never folds.

use std::{sync::Arc, time::Duration};

use cantus_model::{
    PageLimit, StreamRange,
    ports::{Hydration, HydrationRequest, Hydrator, StoreError},
};
use cantus_replay::retry;
use crossbeam_channel::Sender;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};

use crate::{
    EngineSettings,
    loaded_part::{LoadedPart, PagePermits},
    shard_message::ShardMessage,
    stop_signal::{PanicGuard, StopSignal},
    store_timeout::read_timed_out,
};

/// Pages of one aggregate that may wait at the shard: while one is folded, the next is read.
const PAGES_AHEAD: usize = 2;
/// Bytes of one permit.
const PERMIT_BYTES: usize = 1 << 10;

/// A request to load one aggregate.
pub(crate) struct LoadRequest {
    /// The aggregate, the component whose snapshot is used, and the size of a page.
    pub(crate) hydration: HydrationRequest,
    /// Distinguishes the messages of this load from those of one that was cancelled.
    pub(crate) id: u64,
}

/// The loader of a shard. Like the committer, it takes all requests that queued during the previous reading.
pub(crate) struct Loader {
    requests: mpsc::UnboundedSender<LoadTask>,
}

/// A load that is under way. Dropping it cancels the load.
pub(crate) struct LoadHandle {
    pages: Arc<Semaphore>,
}

impl Drop for LoadHandle {
    fn drop(&mut self) {
        self.pages.close();
    }
}

impl Loader {
    pub(crate) fn new(
        store: Arc<dyn Hydrator>,
        settings: &EngineSettings,
        runtime: &Handle,
        shard: Sender<ShardMessage>,
        signal: Arc<StopSignal>,
    ) -> Self {
        let (requests, queue) = mpsc::unbounded_channel();
        let concurrent_loads = settings.concurrent_loads.max(1);
        let reader = StreamLoader {
            store,
            shard,
            signal,
            concurrent_loads,
            attempts: settings.read_attempts,
            timeout: Duration::from_millis(settings.read_timeout_ms),
            streams: Arc::new(Semaphore::new(concurrent_loads)),
            load_bytes: settings.load_bytes.clamp(PERMIT_BYTES, u32::MAX as usize),
            bytes: Arc::new(Semaphore::new(permits(settings.load_bytes) as usize)),
        };
        runtime.spawn(reader.run(queue));
        Self { requests }
    }

    pub(crate) fn start(&self, request: LoadRequest) -> LoadHandle {
        let pages = Arc::new(Semaphore::new(PAGES_AHEAD));
        // The reader ends with the runtime; then nobody waits for this load.
        let _ = self.requests.send(LoadTask { pages: Arc::clone(&pages), request });
        LoadHandle { pages }
    }
}

/// The count of permits for `bytes`: at least one.
fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).max(1)
}

/// A request, and the permits for its pages.
struct LoadTask {
    pages: Arc<Semaphore>,
    request: LoadRequest,
}

#[derive(Clone)]
struct StreamLoader {
    store: Arc<dyn Hydrator>,
    shard: Sender<ShardMessage>,
    signal: Arc<StopSignal>,
    concurrent_loads: usize,
    attempts: u32,
    timeout: Duration,
    /// Permits for streams of many pages, which are read by tasks of their own.
    streams: Arc<Semaphore>,
    load_bytes: usize,
    /// Permits for the bytes of pages that the shard has not folded.
    bytes: Arc<Semaphore>,
}

impl StreamLoader {
    async fn run(self, mut queue: mpsc::UnboundedReceiver<LoadTask>) {
        let _guard = PanicGuard::new(&self.signal, "the loader of a shard");
        let mut batch = Vec::new();
        while queue.recv_many(&mut batch, self.concurrent_loads).await > 0 {
            batch.retain(|task| !task.pages.is_closed()); // cancelled meanwhile
            if !batch.is_empty() {
                self.load(std::mem::take(&mut batch)).await;
            }
        }
    }

    /// Reads the first page of each aggregate. Together they are no more bytes than the shard has room for.
    async fn load(&self, mut batch: Vec<LoadTask>) {
        let share = self.load_bytes / batch.len();
        let share = |page: PageLimit| PageLimit { bytes: page.bytes.min(share).max(1), ..page };
        batch.iter_mut().for_each(|task| task.request.hydration.page = share(task.request.hydration.page));
        let bytes: usize = batch.iter().map(|task| task.request.hydration.page.bytes).sum();
        let Some(mut permit) = self.reserve(bytes).await else { return };
        for (task, hydration) in self.hydrate(batch).await {
            match hydration {
                Ok(hydration) => {
                    let own = permit.split(permits(hydration.events.payloads().len()) as usize);
                    self.deliver(task, hydration, own);
                }
                Err(error) => self.fail(&task.request, error),
            }
        }
    }

    /// Waits until the shard has folded enough pages to have room for `bytes`.
    async fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let count = permits(bytes.min(self.load_bytes)).min(permits(self.load_bytes));
        Arc::clone(&self.bytes).acquire_many_owned(count).await.ok()
    }

    /// Reads for all tasks together. If the store fails, reads for each alone, so that one damaged aggregate does not
    /// fail the others.
    async fn hydrate(&self, batch: Vec<LoadTask>) -> Vec<(LoadTask, Result<Hydration, StoreError>)> {
        let requests: Vec<HydrationRequest> = batch.iter().map(|task| task.request.hydration.clone()).collect();
        match self.hydrations(requests.clone()).await {
            Ok(hydrations) => batch.into_iter().zip(hydrations.into_iter().map(Ok)).collect(),
            Err(error) if batch.len() == 1 || concerns_whole_store(&error) => {
                batch.into_iter().map(|task| (task, Err(error.clone()))).collect()
            }
            Err(_) => {
                let mut results = Vec::with_capacity(batch.len());
                for (task, request) in batch.into_iter().zip(requests) {
                    let hydration = self.hydrations(vec![request]).await;
                    results.push((task, hydration.map(|mut one| one.pop().unwrap_or_default())));
                }
                results
            }
        }
    }

    async fn hydrations(&self, requests: Vec<HydrationRequest>) -> Result<Vec<Hydration>, StoreError> {
        let (count, requests) = (requests.len(), Arc::new(requests));
        let hydrations = self.read(|store| {
            let requests = Arc::clone(&requests);
            async move { store.hydrate(&requests).await }
        });
        let hydrations = hydrations.await?;
        match hydrations.len() == count {
            true => Ok(hydrations),
            false => Err(StoreError::Other(format!("the store read {} of {count} streams", hydrations.len()))),
        }
    }

    /// Reads within the deadline, and again after a transient error. Each attempt is a task of its own, so that the
    /// shard also learns of a panic.
    async fn read<T, F>(&self, read: impl Fn(Arc<dyn Hydrator>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let attempt = || {
            let reading = tokio::spawn(read(Arc::clone(&self.store)));
            let timeout = self.timeout;
            async move {
                match tokio::time::timeout(timeout, reading).await {
                    Ok(read) => read.unwrap_or_else(|panic| Err(StoreError::Other(panic.to_string()))),
                    Err(_) => Err(read_timed_out(timeout)),
                }
            }
        };
        retry(self.attempts, || !self.signal.is_stopped(), attempt).await
    }

    /// Sends the first part to the shard, and starts reading the rest.
    fn deliver(&self, task: LoadTask, hydration: Hydration, bytes: Option<OwnedSemaphorePermit>) {
        let Hydration { head, snapshot, events } = hydration;
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version) + events.len() as u64;
        let rest = StreamRange { after, end: head.version };
        self.send(&task.request, LoadedPart::Start { head, snapshot });
        if !events.is_empty() {
            let Ok(page) = Arc::clone(&task.pages).try_acquire_owned() else { return };
            self.send(&task.request, LoadedPart::Page { events, permits: PagePermits { _page: page, _bytes: bytes } });
        }
        if rest.is_empty() {
            return self.send(&task.request, LoadedPart::End);
        }
        let reader = self.clone();
        tokio::spawn(async move {
            let _guard = PanicGuard::new(&reader.signal, "the loader of a shard");
            let Ok(_stream) = Arc::clone(&reader.streams).acquire_owned().await else { return };
            if let Err(error) = reader.read_rest(&task, rest).await {
                reader.fail(&task.request, error);
            }
        });
    }

    /// Reads the rest of a stream, page by page.
    async fn read_rest(&self, task: &LoadTask, mut range: StreamRange) -> Result<(), StoreError> {
        let HydrationRequest { aggregate, page, .. } = &task.request.hydration;
        while !range.is_empty() {
            let Ok(ahead) = Arc::clone(&task.pages).acquire_owned().await else { return Ok(()) };
            let Some(bytes) = self.reserve(page.bytes).await else { return Ok(()) };
            let (after, limit) = (range.after, range.limit(*page));
            let page = self.read(|store| {
                let aggregate = aggregate.clone();
                async move { store.read_stream(&aggregate, after, limit).await }
            });
            let events = page.await?;
            range.advance(aggregate, &events)?;
            let permits = PagePermits { _page: ahead, _bytes: Some(bytes) };
            self.send(&task.request, LoadedPart::Page { events, permits });
        }
        self.send(&task.request, LoadedPart::End);
        Ok(())
    }

    fn fail(&self, request: &LoadRequest, error: StoreError) {
        self.signal.stop_if_terminal(&error);
        self.send(request, LoadedPart::Failed(error));
    }

    fn send(&self, request: &LoadRequest, part: LoadedPart) {
        // The shard may have stopped; then nobody waits for this part.
        let aggregate = request.hydration.aggregate.clone();
        let _ = self.shard.send(ShardMessage::Loaded { aggregate, load: request.id, part });
    }
}

/// Reports whether an error concerns the whole store, so that reading each stream alone would not help.
fn concerns_whole_store(error: &StoreError) -> bool {
    matches!(error, StoreError::Transient(_)) || error.is_terminal()
}
