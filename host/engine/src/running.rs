//! The threads and tasks of an engine: how each is started, and how all of them end.

use std::{sync::Arc, thread, time::Duration};

use cantus_model::ports::Store;
use crossbeam_channel::Sender;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};

use crate::{
    Settings, StartError,
    byte_budget::ByteBudget,
    commit_deadline::CommitDeadline,
    commit_queue::CommitQueue,
    committer::Committer,
    job::Submission,
    loader::Loader,
    plugins::Plugins,
    repro::{Capture, Keep, Repros},
    shard::{Links, Shard, ShardMessage},
    snapshots::WaitingSnapshot,
    stats::StatsCounters,
    stop_signal::{PanicGuard, StopSignal},
};

/// A shard, as the engine sees it.
pub(crate) struct ShardHandle {
    pub(crate) messages: Sender<ShardMessage>,
    /// Permits for the commands that it may hold.
    pub(crate) places: Arc<Semaphore>,
}

/// What all shards send to.
pub(crate) struct ShardEnds {
    /// One for each partition, in order.
    pub(crate) commit_queues: Vec<mpsc::UnboundedSender<Submission>>,
    pub(crate) snapshot_queue: mpsc::Sender<WaitingSnapshot>,
    pub(crate) snapshot_budget: Arc<ByteBudget>,
    pub(crate) budget: Arc<ByteBudget>,
    pub(crate) repros: Option<Arc<Repros>>,
}

/// What ends when the engine ends.
#[derive(Default)]
pub(crate) struct Running {
    shards: Vec<thread::JoinHandle<()>>,
    committers: Vec<(thread::JoinHandle<()>, Arc<CommitQueue>)>,
    deadlines: Vec<JoinHandle<()>>,
    pub(crate) tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts the task that makes repro bundles, if any are wanted.
    pub(crate) fn start_capture(
        &mut self,
        keep: Option<Keep>,
        store: &Arc<dyn Store>,
        stats: &Arc<StatsCounters>,
        signal: &Arc<StopSignal>,
    ) -> Option<Arc<Repros>> {
        let keep = keep.filter(|keep| keep.settings.files > 0)?;
        let (repros, capture) = Capture::new(keep, Arc::clone(store), Arc::clone(stats));
        let guard = PanicGuard::new(signal, "the writer of repro bundles");
        self.tasks.push(tokio::spawn(async move {
            let _guard = guard;
            capture.run().await;
        }));
        Some(Arc::new(repros))
    }

    /// Starts one shard and its loader.
    pub(crate) fn start_shard(
        &mut self,
        index: usize,
        settings: &Arc<Settings>,
        store: &Arc<dyn Store>,
        plugins: &Arc<Plugins>,
        signal: &Arc<StopSignal>,
        ends: &ShardEnds,
    ) -> Result<ShardHandle, StartError> {
        let (messages, inbox) = crossbeam_channel::unbounded();
        signal.add_shard(messages.clone());
        let (store, own_signal) = (Arc::clone(store), Arc::clone(signal));
        let links = Links {
            loader: Loader::new(store, settings, &Handle::current(), messages.clone(), own_signal),
            commit_queues: ends.commit_queues.clone(),
            snapshot_queue: ends.snapshot_queue.clone(),
            snapshot_budget: Arc::clone(&ends.snapshot_budget),
            budget: Arc::clone(&ends.budget),
            repros: ends.repros.clone(),
        };
        let shard = Shard::new(index, Arc::clone(settings), Arc::clone(plugins), links);
        let name = format!("cantus-shard-{index}");
        let guard = PanicGuard::new(signal, name.as_str());
        let run = move || {
            let _guard = guard;
            shard.run(&inbox);
        };
        self.shards.push(thread::Builder::new().name(name).spawn(run)?);
        Ok(ShardHandle { messages, places: Arc::new(Semaphore::new(settings.queue_commands)) })
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
        let own = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let name = format!("cantus-committer-{}", committer.claim.partition);
        let thread = thread::Builder::new().name(name).spawn(move || own.block_on(committer.run()))?;
        self.committers.push((thread, queue));
        self.deadlines.push(tokio::spawn(deadline.run()));
        Ok(())
    }

    /// Waits for all of it, but not for a committer or a task that a silent store holds.
    pub(crate) async fn end(self, timeout: Duration) {
        for thread in self.shards {
            join(thread).await;
        }
        for (thread, queue) in self.committers {
            while !thread.is_finished() && !queue.is_silent() {
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
