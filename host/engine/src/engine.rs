//! Wires shards, committer and snapshot writer together, and admits commands.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cantus_model::{
    AggregateRef, Answer, Command, CommandError, DuplicateAggregate, LiveComponent, PartitionId, Roster, check_ids,
    check_size, ports::Hydrator,
};
use tokio::sync::{mpsc, watch};

use crate::{
    Clock, EngineSettings, Ownership, PendingAnswer, Stats, StopReason,
    byte_budget::ByteBudget,
    commit_queue::CommitQueue,
    committer::Committer,
    engine_tasks::{EngineTasks, ShardEnds, ShardHandle},
    job::{Job, Responder},
    repro::ReproConfig,
    shard_message::ShardMessage,
    silent_store::silent_store,
    sizes::command_bytes,
    snapshots::write_snapshots,
    start_error::StartError,
    stats::StatsCounters,
    stop_signal::StopSignal,
};

/// What an engine runs on.
pub struct EngineParts<'a> {
    /// Bounds of everything that it takes at once.
    pub settings: EngineSettings,
    /// The claims to the log that it writes.
    pub ownership: Ownership,
    /// Where aggregates are read from, and snapshots saved.
    pub hydrator: Arc<dyn Hydrator>,
    /// The components that decide.
    pub live: &'a [LiveComponent],
    /// The time at which commands are admitted.
    pub clock: Arc<dyn Clock>,
    /// Where bundles of faults go, if they are wanted.
    pub repro: Option<ReproConfig>,
}

/// A partition of the running engine.
struct RunningPartition {
    queue: Arc<CommitQueue>,
    /// Offset of the next event; everything before it is durable.
    head: watch::Receiver<u64>,
}

/// The running engine. Must be shut down to end, also after it stopped by itself.
pub struct Engine {
    settings: Arc<EngineSettings>,
    clock: Arc<dyn Clock>,
    stats: Arc<StatsCounters>,
    /// Bytes of all commands that are in it.
    budget: Arc<ByteBudget>,
    shards: Vec<ShardHandle>,
    /// In order.
    partitions: Vec<RunningPartition>,
    signal: Arc<StopSignal>,
    tasks: Mutex<EngineTasks>,
}

impl Engine {
    /// Starts. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(parts: EngineParts<'_>) -> Result<Self, StartError> {
        let EngineParts { settings, ownership, hydrator, live, clock, repro } = parts;
        let roster = Arc::new(Roster::new(live)?);
        let settings = Arc::new(settings);
        let (stats, signal) = (Arc::<StatsCounters>::default(), Arc::<StopSignal>::default());
        let budget = ByteBudget::new(settings.in_flight_bytes);
        let mut tasks = EngineTasks::default();
        let (commit_queues, incoming): (Vec<_>, Vec<_>) =
            ownership.partitions().iter().map(|_| mpsc::unbounded_channel()).unzip();
        let (snapshot_queue, snapshots) = mpsc::channel(settings.snapshot_queue.max(1));
        let ends = ShardEnds {
            commit_queues,
            snapshot_queue,
            snapshot_budget: ByteBudget::new(settings.snapshot_queue_bytes),
            budget: Arc::clone(&budget),
            repros: tasks.start_capture(repro, &hydrator, &stats, &signal),
        };
        let mut shards = Vec::new();
        for index in 0..settings.shards.max(1) {
            shards.push(tasks.start_shard(index, &settings, &hydrator, &roster, &signal, &ends)?);
        }
        drop(ends); // a committer ends when the last shard hangs up
        let mut partitions = Vec::new();
        for (claimed, incoming) in ownership.partitions().iter().zip(incoming) {
            let queue = Arc::new(CommitQueue::new(incoming));
            let (durable_head, head) = watch::channel(claimed.head);
            tasks.start_committer(Committer {
                journal: Arc::clone(ownership.journal()),
                claim: claimed.claim,
                settings: Arc::clone(&settings),
                queue: Arc::clone(&queue),
                durable_head,
                shards: shards.iter().map(|shard| shard.messages.clone()).collect(),
                stats: Arc::clone(&stats),
                signal: Arc::clone(&signal),
            })?;
            partitions.push(RunningPartition { queue, head });
        }
        tasks.tasks.push(tokio::spawn(write_snapshots(ownership, hydrator, snapshots, Arc::clone(&signal))));
        let tasks = Mutex::new(tasks);
        Ok(Self { settings, clock, stats, budget, shards, partitions, signal, tasks })
    }

    /// Admits a command. Commands for one aggregate are decided in the order in which they are admitted. Never waits.
    ///
    /// # Errors
    /// [`CommandError::Overloaded`] if the shard's queue or the engine's memory is full, [`CommandError::Store`] while the store
    /// does not answer or after it was lost, [`CommandError::ShuttingDown`], [`CommandError::HostFailed`], and
    /// [`CommandError::Invalid`] for ids that cannot be stored. Everything else comes with the answer.
    pub fn submit(&self, command: Command) -> Result<PendingAnswer, CommandError> {
        if self.signal.is_closed() {
            return Err(self.signal.refusal());
        }
        check_ids(&command)?;
        let partition = PartitionId::of(&command.aggregate, self.partitions.len() as u32);
        if self.partitions[partition.0 as usize].queue.is_silent() {
            return Err(silent_store(Duration::from_millis(self.settings.commit_timeout_ms)).into());
        }
        let shard = &self.shards[shard_of(&command.aggregate, self.shards.len())];
        let overloaded = || CommandError::Overloaded { retry_after_ms: self.stats.retry_after_ms() };
        let permit = Arc::clone(&shard.permits).try_acquire_owned().map_err(|_| overloaded())?;
        let refused = check_size(&command, self.settings.payload_bytes).err();
        // Decisions need the other half: what was admitted must get through.
        let bytes = self.budget.try_take(command_bytes(&command), self.budget.limit() / 2).ok_or_else(overloaded)?;
        let (reply, pending) = Responder::new(&self.stats, &self.signal);
        let job = Job {
            request_hash: command.request_hash(),
            route: None,
            refused,
            admitted_at: self.clock.now(),
            is_probe: false,
            conflicts: 0,
            permit,
            bytes,
            reply,
            command,
        };
        shard.messages.send(ShardMessage::Command(Box::new(job))).map_err(|_| self.signal.refusal())?;
        Ok(PendingAnswer(pending))
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
    pub fn swap(&self, live: &[LiveComponent]) -> Result<(), DuplicateAggregate> {
        let roster = Arc::new(Roster::new(live)?);
        for shard in &self.shards {
            // A shard that has ended decides nothing any more.
            let _ = shard.messages.send(ShardMessage::Swap(Arc::clone(&roster)));
        }
        Ok(())
    }

    /// The offset that the next event of a partition will get; everything before it is durable. It changes with each batch, so
    /// that whoever reads the log can wait for more without polling. `None` if there is no such partition.
    pub fn durable_head(&self, partition: PartitionId) -> Option<watch::Receiver<u64>> {
        self.partitions.get(partition.0 as usize).map(|partition| partition.head.clone())
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
            // All permits are back when every command is answered.
            let all = u32::try_from(self.settings.queue_commands).unwrap_or(u32::MAX);
            let _drained = shard.permits.acquire_many(all).await;
            let _ = shard.messages.send(ShardMessage::Stop);
        }
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.end(Duration::from_millis(self.settings.commit_timeout_ms)).await;
    }
}

/// The same aggregate always meets the same shard. This decides nothing that is stored: any number of shards may follow.
fn shard_of(aggregate: &AggregateRef, shards: usize) -> usize {
    PartitionId::of(aggregate, u32::try_from(shards).unwrap_or(u32::MAX)).0 as usize
}
