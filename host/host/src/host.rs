//! A running host.

use std::sync::Arc;

use cantus_engine::{
    Engine, PendingAnswer, Stats, StopReason,
    registry::{FileStatus, Registry},
};
use cantus_model::{Answer, Command, CommandError, PartitionId};
use cantus_wasm::FolderWatch;
use tokio::{
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
};

use crate::{HostSettings, Operations, Queries, status_file};

/// A running host. [`Host::shutdown`] ends it cleanly; every outcome that was returned is durable in any case.
pub struct Host {
    engine: Arc<Engine>,
    queries: Queries,
    operations: Operations,
    tasks: HostTasks,
}

impl Host {
    pub(crate) fn new(engine: Arc<Engine>, queries: Queries, operations: Operations, tasks: HostTasks) -> Self {
        Self { engine, queries, operations, tasks }
    }

    /// Admits a command without waiting for its outcome. Commands for one aggregate are decided in the order in which they
    /// are admitted.
    ///
    /// # Errors
    /// If the command is refused at once: it is too large, or the host is overloaded or has stopped. See [`Engine::submit`].
    pub fn submit(&self, command: Command) -> Result<PendingAnswer, CommandError> {
        self.engine.submit(command)
    }

    /// Admits a command and waits for its durable outcome.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn execute(&self, command: Command) -> Answer {
        self.engine.execute(command).await
    }

    /// The queries: states, events and decisions.
    pub fn query(&self) -> &Queries {
        &self.queries
    }

    /// The operations: activate, roll back, deactivate, verify. The host applies a change within `registry.rescan_ms` if it
    /// follows its plugins ([`HostBuilder::follow_plugins`](crate::HostBuilder::follow_plugins)), else at its next start.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// The offset that the next event of a partition will get, and every change of it; `None` if there is no such partition.
    /// See [`Engine::durable_head`].
    pub fn durable_head(&self, partition: PartitionId) -> Option<watch::Receiver<u64>> {
        self.engine.durable_head(partition)
    }

    /// The engine, for callers that submit from several tasks.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The states of the files in the folder of plugins, and every change of them.
    pub fn statuses(&self) -> watch::Receiver<Vec<FileStatus>> {
        self.tasks.statuses.clone()
    }

    /// Waits until the host stops by itself, and returns the reason: the store can no longer be written, for example because
    /// another host took over, or a part of the host panicked. All waiting and later commands are answered with that reason.
    pub fn stopped(&self) -> impl Future<Output = StopReason> + Send + use<> {
        self.engine.stopped()
    }

    /// Waits until all admitted commands are answered, and ends the host. Returns its statistics.
    pub async fn shutdown(self) -> Stats {
        self.tasks.end().await;
        self.engine.shutdown().await;
        self.engine.stats()
    }
}

/// Selects the times at which a host reads the folder of plugins and the log of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowMode {
    /// Once, at the start.
    StartOnly,
    /// At the start, and on every change.
    Follow,
}

/// The tasks that run beside the engine.
pub(crate) struct HostTasks {
    statuses: watch::Receiver<Vec<FileStatus>>,
    follower: Option<RegistryTask>,
    status_writer: JoinHandle<()>,
}

/// The task of a registry that follows the folder of plugins.
struct RegistryTask {
    _watch: FolderWatch,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl HostTasks {
    pub(crate) fn start(settings: &HostSettings, registry: Registry, engine: &Arc<Engine>, follow: FollowMode) -> Self {
        let statuses = registry.statuses();
        let status_writer = tokio::spawn(status_file::write_changes(settings.data.clone(), statuses.clone()));
        let follower = (follow == FollowMode::Follow).then(|| {
            let hint = Arc::new(Notify::new());
            let (stop, stopped) = oneshot::channel();
            let notify = Arc::clone(&hint);
            RegistryTask {
                _watch: FolderWatch::start(&settings.plugins, move || notify.notify_one()),
                stop,
                task: tokio::spawn(registry.run(Arc::clone(engine), hint, stopped)),
            }
        });
        Self { statuses, follower, status_writer }
    }

    async fn end(self) {
        if let Some(follower) = self.follower {
            let _ = follower.stop.send(());
            let _ = follower.task.await;
        }
        // The registry held the last sender of statuses, so the writer ends after the last one.
        let _ = self.status_writer.await;
    }
}
