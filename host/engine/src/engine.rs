//! Connects shards, committers and snapshot writer, and admits commands.

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
    engine_tasks::{EngineTasks, ShardChannels, ShardHandle},
    job::{Job, Responder},
    repro::ReproConfig,
    shard_message::ShardMessage,
    sizes::command_bytes,
    snapshots::write_snapshots,
    start_error::StartError,
    stats::StatsCounters,
    stop_signal::StopSignal,
    store_timeout::commit_timed_out,
};

/// The parts from which an engine is started.
pub struct EngineParts<'a> {
    /// The bounds of its queues, batches and memory.
    pub settings: EngineSettings,
    /// The claims to the log to which it writes.
    pub ownership: Ownership,
    /// Reads aggregates, and saves snapshots.
    pub hydrator: Arc<dyn Hydrator>,
    /// The components that decide.
    pub live: &'a [LiveComponent],
    /// The clock for `context.now`.
    pub clock: Arc<dyn Clock>,
    /// The destination of repro bundles, if they are wanted.
    pub repro: Option<ReproConfig>,
}

/// A partition of the running engine.
struct RunningPartition {
    queue: Arc<CommitQueue>,
    /// Offset of the next event; everything before it is durable.
    head: watch::Receiver<u64>,
}

/// The running engine. It must be shut down to end, even after it stopped by itself.
pub struct Engine {
    settings: Arc<EngineSettings>,
    clock: Arc<dyn Clock>,
    stats: Arc<StatsCounters>,
    /// The bytes of all commands in the engine.
    budget: Arc<ByteBudget>,
    shards: Vec<ShardHandle>,
    /// In order.
    partitions: Vec<RunningPartition>,
    signal: Arc<StopSignal>,
    tasks: Mutex<EngineTasks>,
}

impl Engine {
    /// Starts an engine. Must be called within a Tokio runtime.
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
        let channels = ShardChannels {
            commit_queues,
            snapshot_queue,
            snapshot_budget: ByteBudget::new(settings.snapshot_queue_bytes),
            budget: Arc::clone(&budget),
            fault_reporter: tasks.start_fault_recorder(repro, &hydrator, &stats, &signal),
        };
        let mut shards = Vec::new();
        for index in 0..settings.shards.max(1) {
            shards.push(tasks.start_shard(index, &settings, &hydrator, &roster, &signal, &channels)?);
        }
        drop(channels); // a committer ends when the last shard hangs up
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

    /// Admits a command, without waiting. Commands for one aggregate are decided in the order in which they are
    /// admitted.
    ///
    /// # Errors
    /// [`CommandError::Overloaded`] if the shard's queue or the engine's memory is full, [`CommandError::Store`]
    /// while the store does not answer or after it was lost, [`CommandError::ShuttingDown`],
    /// [`CommandError::HostFailed`], and [`CommandError::Invalid`] for ids that cannot be stored. All other errors
    /// come with the answer.
    pub fn submit(&self, command: Command) -> Result<PendingAnswer, CommandError> {
        if self.signal.is_closed() {
            return Err(self.signal.command_error());
        }
        check_ids(&command)?;
        let partition = PartitionId::of(&command.aggregate, self.partitions.len() as u32);
        if self.partitions[partition.0 as usize].queue.is_unresponsive() {
            return Err(commit_timed_out(Duration::from_millis(self.settings.commit_timeout_ms)).into());
        }
        let shard = &self.shards[shard_of(&command.aggregate, self.shards.len())];
        let overloaded = || CommandError::Overloaded { retry_after_ms: self.stats.retry_after_ms() };
        let permit = Arc::clone(&shard.permits).try_acquire_owned().map_err(|_| overloaded())?;
        let refused = check_size(&command, self.settings.payload_bytes).err();
        // The other half is for decisions: a command that was admitted must be decided.
        let bytes = self.budget.try_reserve(command_bytes(&command), self.budget.limit() / 2).ok_or_else(overloaded)?;
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
        shard.messages.send(ShardMessage::Command(Box::new(job))).map_err(|_| self.signal.command_error())?;
        Ok(PendingAnswer(pending))
    }

    /// Admits a command and waits for its answer.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn execute(&self, command: Command) -> Answer {
        self.submit(command)?.await
    }

    /// Replaces the components that decide by `live`. All commands that wait or are submitted later are decided by
    /// them; a decision that was already taken is committed as it is. Aggregates of a component that is no longer
    /// live leave memory, and the most recently used ones are hydrated again in the background.
    ///
    /// # Errors
    /// If two of them host one aggregate type. Then nothing changes.
    pub fn swap(&self, live: &[LiveComponent]) -> Result<(), DuplicateAggregate> {
        let roster = Arc::new(Roster::new(live)?);
        for shard in &self.shards {
            // A shard that has ended decides nothing more.
            let _ = shard.messages.send(ShardMessage::Swap(Arc::clone(&roster)));
        }
        Ok(())
    }

    /// Watches the offset that the next event of a partition will get; everything before it is durable. It changes
    /// with each batch, so a reader of the log can wait for more without polling. `None` if there is no such
    /// partition.
    pub fn durable_head(&self, partition: PartitionId) -> Option<watch::Receiver<u64>> {
        self.partitions.get(partition.0 as usize).map(|partition| partition.head.clone())
    }

    /// Returns the counters.
    pub fn stats(&self) -> Stats {
        self.stats.read()
    }

    /// Waits until the engine stops by itself, and returns the reason; waits for ever if it never does. All commands
    /// that waited, and all later ones, are answered with that reason.
    pub fn stopped(&self) -> impl Future<Output = StopReason> + Send + use<> {
        let signal = Arc::clone(&self.signal);
        async move { signal.stopped().await }
    }

    /// Closes admission, waits until all admitted commands are answered, and ends. Commands that wait for a store
    /// that does not answer are abandoned.
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

/// Assigns an aggregate to a shard. Nothing that is stored depends on it, so the count of shards may change at every
/// start.
fn shard_of(aggregate: &AggregateRef, shards: usize) -> usize {
    PartitionId::of(aggregate, u32::try_from(shards).unwrap_or(u32::MAX)).0 as usize
}
