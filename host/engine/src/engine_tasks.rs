//! The threads and tasks of an engine: starts them, and ends them.

use std::{sync::Arc, thread, time::Duration};

use cantus_model::{Roster, ports::Hydrator};
use crossbeam_channel::Sender;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};

use crate::{
    EngineSettings,
    byte_budget::ByteBudget,
    commit_deadline::CommitDeadline,
    commit_queue::CommitQueue,
    committer::Committer,
    loader::Loader,
    repro::{FaultRecorder, FaultReporter, ReproConfig},
    shard::{Shard, ShardLinks},
    shard_message::ShardMessage,
    snapshots::WaitingSnapshot,
    start_error::StartError,
    stats::StatsCounters,
    stop_signal::{PanicGuard, StopSignal},
    submission::Submission,
};

/// The engine's handle to a shard.
pub(crate) struct ShardHandle {
    pub(crate) messages: Sender<ShardMessage>,
    /// Permits for the commands that it may hold, from admission to answer.
    pub(crate) permits: Arc<Semaphore>,
}

/// The channels to which all shards send.
pub(crate) struct ShardChannels {
    /// One for each partition, in order.
    pub(crate) commit_queues: Vec<mpsc::UnboundedSender<Submission>>,
    pub(crate) snapshot_queue: mpsc::Sender<WaitingSnapshot>,
    pub(crate) snapshot_budget: Arc<ByteBudget>,
    pub(crate) budget: Arc<ByteBudget>,
    pub(crate) fault_reporter: Option<Arc<FaultReporter>>,
}

/// The threads and tasks that end with the engine.
#[derive(Default)]
pub(crate) struct EngineTasks {
    shards: Vec<thread::JoinHandle<()>>,
    committers: Vec<(thread::JoinHandle<()>, Arc<CommitQueue>)>,
    deadlines: Vec<JoinHandle<()>>,
    pub(crate) tasks: Vec<JoinHandle<()>>,
}

impl EngineTasks {
    /// Starts the task that makes repro bundles, if they are wanted.
    pub(crate) fn start_fault_recorder(
        &mut self,
        config: Option<ReproConfig>,
        hydrator: &Arc<dyn Hydrator>,
        stats: &Arc<StatsCounters>,
        signal: &Arc<StopSignal>,
    ) -> Option<Arc<FaultReporter>> {
        let config = config.filter(|config| config.settings.files > 0)?;
        let (fault_reporter, recorder) = FaultRecorder::new(config, Arc::clone(hydrator), Arc::clone(stats));
        let guard = PanicGuard::new(signal, "the writer of repro bundles");
        self.tasks.push(tokio::spawn(async move {
            let _guard = guard;
            recorder.run().await;
        }));
        Some(Arc::new(fault_reporter))
    }

    /// Starts one shard and its loader.
    pub(crate) fn start_shard(
        &mut self,
        index: usize,
        settings: &Arc<EngineSettings>,
        hydrator: &Arc<dyn Hydrator>,
        roster: &Arc<Roster>,
        signal: &Arc<StopSignal>,
        channels: &ShardChannels,
    ) -> Result<ShardHandle, StartError> {
        let (messages, inbox) = crossbeam_channel::unbounded();
        let stopping = messages.clone();
        // A shard that has ended needs no message.
        signal.on_stop(move || drop(stopping.send(ShardMessage::Stop)));
        let (hydrator, signal_of_loader) = (Arc::clone(hydrator), Arc::clone(signal));
        let links = ShardLinks {
            loader: Loader::new(hydrator, settings, &Handle::current(), messages.clone(), signal_of_loader),
            commit_queues: channels.commit_queues.clone(),
            snapshot_queue: channels.snapshot_queue.clone(),
            snapshot_budget: Arc::clone(&channels.snapshot_budget),
            budget: Arc::clone(&channels.budget),
            fault_reporter: channels.fault_reporter.clone(),
        };
        let shard = Shard::new(index, Arc::clone(settings), Arc::clone(roster), links);
        let name = format!("cantus-shard-{index}");
        let guard = PanicGuard::new(signal, name.as_str());
        let run = move || {
            let _guard = guard;
            shard.run(&inbox);
        };
        self.shards.push(thread::Builder::new().name(name).spawn(run)?);
        Ok(ShardHandle { messages, permits: Arc::new(Semaphore::new(settings.queue_commands)) })
    }

    /// Starts the committer of a partition, and its deadline on the runtime of the caller.
    pub(crate) fn start_committer(&mut self, committer: Committer) -> Result<(), StartError> {
        let queue = Arc::clone(&committer.queue);
        let deadline = CommitDeadline {
            queue: Arc::clone(&queue),
            timeout: Duration::from_millis(committer.settings.commit_timeout_ms),
            shards: committer.shards.clone(),
            signal: Arc::clone(&committer.signal),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let name = format!("cantus-committer-{}", committer.claim.partition);
        let thread = thread::Builder::new().name(name).spawn(move || runtime.block_on(committer.run()))?;
        self.committers.push((thread, queue));
        self.deadlines.push(tokio::spawn(deadline.run()));
        Ok(())
    }

    /// Waits for all of them, except a committer or a task that is blocked by a store that does not answer.
    pub(crate) async fn end(self, timeout: Duration) {
        for thread in self.shards {
            join(thread).await;
        }
        for (thread, queue) in self.committers {
            while !thread.is_finished() && !queue.is_unresponsive() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            match thread.is_finished() {
                true => join(thread).await,
                false => tracing::error!("a committer is left behind: the store does not answer"),
            }
        }
        self.deadlines.iter().for_each(JoinHandle::abort);
        for task in self.tasks {
            match tokio::time::timeout(timeout, task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a task had panicked"),
                Err(_) => tracing::error!("a task is left behind: the store does not answer"),
            }
        }
    }
}

async fn join(thread: thread::JoinHandle<()>) {
    if tokio::task::spawn_blocking(|| thread.join()).await.is_ok_and(|joined| joined.is_err()) {
        tracing::error!("a thread had panicked");
    }
}
