//! Wires shards, committer and snapshot writer together, and admits commands.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use cantus_model::{
    AggregateRef, Command,
    ports::{Component, Journal, Store, StoreError},
};
use crossbeam_channel::Sender;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    Answer, Clock, CommandError, OwnedStore, Pending, Settings, Stats,
    committer::{Committer, PAIR_BYTES},
    job::Job,
    loader::Loader,
    plugins::{AggregateTwice, Live, Plugins},
    repro::{Capture, Keep},
    shard::{Links, Shard, ShardMessage},
    snapshots::write_snapshots,
    stats::StatsCounters,
};

const MAX_ID_BYTES: usize = 512;

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be claimed for writing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two plugins host one aggregate type.
    #[error(transparent)]
    AggregateTwice(#[from] AggregateTwice),
    /// The operating system gave no thread.
    #[error("no thread for a shard: {0}")]
    Thread(#[from] std::io::Error),
}

struct ShardHandle {
    messages: Sender<ShardMessage>,
    places: Arc<Semaphore>,
}

/// The running engine. Must be shut down to end.
pub struct Engine {
    settings: Arc<Settings>,
    clock: Arc<dyn Clock>,
    stats: Arc<StatsCounters>,
    shards: Vec<ShardHandle>,
    closed: AtomicBool,
    running: Mutex<Running>,
}

/// What ends when the engine ends.
#[derive(Default)]
struct Running {
    threads: Vec<thread::JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Claims the store for writing and starts. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        settings: Settings,
        store: Arc<dyn Store>,
        components: Vec<Arc<dyn Component>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let live: Vec<Live> = components.into_iter().map(Live::new).collect();
        Self::start_live(settings, store, &live, clock).await
    }

    /// As [`Self::start`], for those who keep an eye on how the components fare.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_live(
        settings: Settings,
        store: Arc<dyn Store>,
        live: &[Live],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        Self::start_owned(settings, OwnedStore::claim(store).await?, live, clock, None)
    }

    /// As [`Self::start_live`], on a store that was claimed before; and of the faults that guests meet, bundles are kept.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start_owned(
        settings: Settings,
        owned: OwnedStore,
        live: &[Live],
        clock: Arc<dyn Clock>,
        keep: Option<Keep>,
    ) -> Result<Self, StartError> {
        let plugins = Arc::new(Plugins::new(live)?);
        let settings = Arc::new(settings);
        let stats = Arc::new(StatsCounters::default());
        let store = owned.store();
        let (commit_queues, batches): (Vec<_>, Vec<_>) =
            owned.claims().iter().map(|_| mpsc::unbounded_channel()).unzip();
        let (snapshot_queue, snapshots) = mpsc::channel(settings.snapshot_queue.max(1));
        let mut running = Running::default();
        let keep = keep.filter(|keep| keep.settings.files > 0);
        let capture = keep.map(|keep| Capture::new(keep, Arc::clone(store), Arc::clone(&stats)));
        let repros = capture.map(|(repros, capture)| {
            running.tasks.push(tokio::spawn(capture.run()));
            Arc::new(repros)
        });
        let mut shards = Vec::new();
        for index in 0..settings.shards.max(1) {
            let (messages, inbox) = crossbeam_channel::unbounded();
            let links = Links {
                loader: Loader::new(Arc::clone(store), &settings, &Handle::current(), messages.clone()),
                commit_queues: commit_queues.clone(),
                snapshot_queue: snapshot_queue.clone(),
                repros: repros.clone(),
            };
            let (bounds, counts, plugins) = (Arc::clone(&settings), Arc::clone(&stats), Arc::clone(&plugins));
            let shard = Shard::new(index, bounds, counts, plugins, links);
            let thread =
                thread::Builder::new().name(format!("cantus-shard-{index}")).spawn(move || shard.run(&inbox))?;
            running.threads.push(thread);
            shards.push(ShardHandle { messages, places: Arc::new(Semaphore::new(settings.queue_commands)) });
        }
        for (claim, queue) in owned.claims().iter().zip(batches) {
            let committer = Committer {
                journal: Arc::clone(store) as Arc<dyn Journal>,
                claim: *claim,
                settings: Arc::clone(&settings),
                shards: shards.iter().map(|shard| shard.messages.clone()).collect(),
                stats: Arc::clone(&stats),
            };
            let own = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            let name = format!("cantus-committer-{}", claim.partition);
            running.threads.push(thread::Builder::new().name(name).spawn(move || own.block_on(committer.run(queue)))?);
        }
        running.tasks.push(tokio::spawn(write_snapshots(owned, snapshots)));
        let closed = AtomicBool::new(false);
        Ok(Self { settings, clock, stats, shards, closed, running: Mutex::new(running) })
    }

    /// Admits a command. Commands for one aggregate are decided in the order in which they are admitted. Never waits.
    ///
    /// # Errors
    /// [`CommandError::Overloaded`] if the shard's queue is full, [`CommandError::ShuttingDown`], and
    /// [`CommandError::Invalid`] for ids that cannot be stored. Everything else comes with the answer.
    pub fn submit(&self, command: Command) -> Result<Pending, CommandError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(CommandError::ShuttingDown);
        }
        check_ids(&command)?;
        let shard = &self.shards[shard_of(&command.aggregate, self.shards.len())];
        let Ok(place) = Arc::clone(&shard.places).try_acquire_owned() else {
            return Err(CommandError::Overloaded { retry_after_ms: self.stats.retry_after_ms() });
        };
        let refused = check_size(&command, self.settings.payload_bytes).err();
        let (reply, pending) = oneshot::channel();
        let job = Job {
            request_hash: command.request_hash(),
            route: None,
            refused,
            admitted_at: self.clock.now(),
            conflicts: 0,
            reply,
            place,
            command,
        };
        shard.messages.send(ShardMessage::Command(Box::new(job))).map_err(|_| CommandError::ShuttingDown)?;
        Ok(Pending(pending))
    }

    /// Admits a command and waits for its answer.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn execute(&self, command: Command) -> Answer {
        self.submit(command)?.await
    }

    /// Makes `live` the components that decide, instead of those before. Every command that is submitted after this
    /// returns is decided by them, and so are those that wait; a decision that was taken stays. What is in memory of
    /// a component that is no longer live goes, and the most recently used of it is hydrated again in the background.
    ///
    /// # Errors
    /// If two of them host one aggregate type. Then nothing changes.
    pub fn swap(&self, live: &[Live]) -> Result<(), AggregateTwice> {
        let plugins = Arc::new(Plugins::new(live)?);
        for shard in &self.shards {
            // A shard that has ended decides nothing any more.
            let _ = shard.messages.send(ShardMessage::Swap(Arc::clone(&plugins)));
        }
        Ok(())
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        self.stats.read()
    }

    /// Takes no more commands, waits until all that were admitted are answered, and ends.
    pub async fn shutdown(&self) {
        self.closed.store(true, Ordering::Release);
        for shard in &self.shards {
            // All places are back when every command is answered.
            let all = u32::try_from(self.settings.queue_commands).unwrap_or(u32::MAX);
            let _drained = shard.places.acquire_many(all).await;
            let _ = shard.messages.send(ShardMessage::Stop);
        }
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in running.threads {
            if tokio::task::spawn_blocking(|| thread.join()).await.is_ok_and(|joined| joined.is_err()) {
                tracing::error!("a shard had panicked");
            }
        }
        for task in running.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task had panicked");
            }
        }
    }
}

/// Refuses a command whose payload and metadata have more than `limit` bytes.
pub(crate) fn check_size(command: &Command, limit: usize) -> Result<(), CommandError> {
    let metadata: usize = command.metadata.iter().map(|(key, value)| PAIR_BYTES + key.len() + value.len()).sum();
    let bytes = command.payload.len() + metadata;
    if bytes > limit { Err(CommandError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// Refuses ids that cannot be stored, or that whoever reads them cannot see. Ids that are recorded already stay readable.
pub(crate) fn check_ids(command: &Command) -> Result<(), CommandError> {
    let ids = [
        ("id", Some(&command.id)),
        ("aggregate", Some(&command.aggregate.aggregate_type)),
        ("aggregate_id", Some(&command.aggregate.id)),
        ("command", Some(&command.name)),
        ("actor", command.actor.as_ref()),
        ("correlation_id", command.correlation_id.as_ref()),
        ("causation_id", command.causation_id.as_ref()),
    ];
    for (field, value) in ids.into_iter().filter_map(|(field, value)| Some((field, value?))) {
        if value.is_empty() || value.len() > MAX_ID_BYTES {
            return Err(CommandError::Invalid(format!("`{field}` must have 1 to {MAX_ID_BYTES} bytes")));
        }
        if let Some((at, control)) = value.char_indices().find(|(_, char)| char.is_control()) {
            let code = u32::from(control);
            let why = format!("`{field}` has the control character U+{code:04X} at byte {at}: leave it out");
            return Err(CommandError::Invalid(why));
        }
    }
    Ok(())
}

/// The same aggregate always meets the same shard.
fn shard_of(aggregate: &AggregateRef, shards: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    aggregate.hash(&mut hasher);
    (hasher.finish() % shards as u64) as usize
}
