//! Wires shards, committer and snapshot writer together, and admits commands.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cantus_model::{
    AggregateRef, Command, PartitionId,
    ports::{Component, Journal, Store, StoreError},
};
use tokio::sync::mpsc;

use crate::{
    Answer, Clock, CommandError, OwnedStore, Pending, Settings, Stats, StopReason,
    byte_budget::ByteBudget,
    commit_queue::{CommitQueue, silent_store},
    committer::Committer,
    job::{Job, Reply},
    plugins::{AggregateTwice, Live, Plugins},
    repro::Keep,
    running::{Running, ShardEnds, ShardHandle},
    shard::ShardMessage,
    sizes::{command_bytes, metadata_bytes},
    snapshots::write_snapshots,
    stats::StatsCounters,
    stop_signal::StopSignal,
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

/// The running engine. Must be shut down to end, also after it stopped by itself.
pub struct Engine {
    settings: Arc<Settings>,
    clock: Arc<dyn Clock>,
    stats: Arc<StatsCounters>,
    /// Bytes of all commands that are in it.
    budget: Arc<ByteBudget>,
    shards: Vec<ShardHandle>,
    /// One for each partition, in order.
    commit_queues: Vec<Arc<CommitQueue>>,
    signal: Arc<StopSignal>,
    running: Mutex<Running>,
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
        let (stats, signal) = (Arc::<StatsCounters>::default(), Arc::<StopSignal>::default());
        let budget = ByteBudget::new(settings.in_flight_bytes);
        let mut running = Running::default();
        let (commit_queues, incoming): (Vec<_>, Vec<_>) =
            owned.claims().iter().map(|_| mpsc::unbounded_channel()).unzip();
        let (snapshot_queue, snapshots) = mpsc::channel(settings.snapshot_queue.max(1));
        let ends = ShardEnds {
            commit_queues,
            snapshot_queue,
            snapshot_budget: ByteBudget::new(settings.snapshot_queue_bytes),
            budget: Arc::clone(&budget),
            repros: running.start_capture(keep, owned.store(), &stats, &signal),
        };
        let mut shards = Vec::new();
        for index in 0..settings.shards.max(1) {
            shards.push(running.start_shard(index, &settings, owned.store(), &plugins, &signal, &ends)?);
        }
        drop(ends); // a committer ends when the last shard hangs up
        let mut queues = Vec::new();
        for (claim, incoming) in owned.claims().iter().zip(incoming) {
            let queue = Arc::new(CommitQueue::new(incoming));
            let committer = Committer {
                journal: Arc::clone(owned.store()) as Arc<dyn Journal>,
                claim: *claim,
                settings: Arc::clone(&settings),
                queue: Arc::clone(&queue),
                shards: shards.iter().map(|shard| shard.messages.clone()).collect(),
                stats: Arc::clone(&stats),
                signal: Arc::clone(&signal),
            };
            running.start_committer(committer)?;
            queues.push(queue);
        }
        running.tasks.push(tokio::spawn(write_snapshots(owned, snapshots, Arc::clone(&signal))));
        let running = Mutex::new(running);
        Ok(Self { settings, clock, stats, budget, shards, commit_queues: queues, signal, running })
    }

    /// Admits a command. Commands for one aggregate are decided in the order in which they are admitted. Never waits.
    ///
    /// # Errors
    /// [`CommandError::Overloaded`] if the shard's queue or the engine's memory is full, [`CommandError::Store`] while the store
    /// does not answer or after it was lost, [`CommandError::ShuttingDown`], [`CommandError::HostFailed`], and
    /// [`CommandError::Invalid`] for ids that cannot be stored. Everything else comes with the answer.
    pub fn submit(&self, command: Command) -> Result<Pending, CommandError> {
        if self.signal.is_closed() {
            return Err(self.signal.refusal());
        }
        check_ids(&command)?;
        let partition = PartitionId::of(&command.aggregate, self.commit_queues.len() as u32);
        if self.commit_queues[partition.0 as usize].is_silent() {
            return Err(silent_store(Duration::from_millis(self.settings.commit_timeout_ms)).into());
        }
        let shard = &self.shards[shard_of(&command.aggregate, self.shards.len())];
        let overloaded = || CommandError::Overloaded { retry_after_ms: self.stats.retry_after_ms() };
        let place = Arc::clone(&shard.places).try_acquire_owned().map_err(|_| overloaded())?;
        let refused = check_size(&command, self.settings.payload_bytes).err();
        // Decisions need the other half: what was admitted must get through.
        let bytes = self.budget.try_take(command_bytes(&command), self.budget.limit() / 2).ok_or_else(overloaded)?;
        let (reply, pending) = Reply::new(&self.stats, &self.signal);
        let job = Job {
            request_hash: command.request_hash(),
            route: None,
            refused,
            admitted_at: self.clock.now(),
            is_probe: false,
            conflicts: 0,
            place,
            bytes,
            reply,
            command,
        };
        shard.messages.send(ShardMessage::Command(Box::new(job))).map_err(|_| self.signal.refusal())?;
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

    /// Waits until the engine stops by itself, and says why; for ever if it never does. All that waited is answered with that
    /// reason, and so are commands from then on.
    pub fn stopped(&self) -> impl Future<Output = StopReason> + Send + use<> {
        let signal = Arc::clone(&self.signal);
        async move { signal.stopped().await }
    }

    /// Takes no more commands, waits until all that were admitted are answered, and ends. What waits for a store that does
    /// not answer is left behind.
    pub async fn shutdown(&self) {
        self.signal.close();
        for shard in &self.shards {
            // All places are back when every command is answered.
            let all = u32::try_from(self.settings.queue_commands).unwrap_or(u32::MAX);
            let _drained = shard.places.acquire_many(all).await;
            let _ = shard.messages.send(ShardMessage::Stop);
        }
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        running.end(Duration::from_millis(self.settings.commit_timeout_ms)).await;
    }
}

/// Refuses a command whose payload and metadata have more than `limit` bytes.
pub(crate) fn check_size(command: &Command, limit: usize) -> Result<(), CommandError> {
    let bytes = command.payload.len() + metadata_bytes(&command.metadata);
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

/// The same aggregate always meets the same shard. This decides nothing that is stored: any number of shards may follow.
fn shard_of(aggregate: &AggregateRef, shards: usize) -> usize {
    PartitionId::of(aggregate, u32::try_from(shards).unwrap_or(u32::MAX)).0 as usize
}
