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

/// A running host. It must be shut down to end cleanly; what was acknowledged is durable either way.
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

    /// Admits a command. Never waits; commands for one aggregate are decided in the order in which they are admitted.
    ///
    /// # Errors
    /// See [`Engine::submit`].
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

    /// Reads states, events and decisions.
    pub fn query(&self) -> &Queries {
        &self.queries
    }

    /// Decides what is live. A host that follows its plugins obeys within `registry.rescan_ms`.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// The offset that the next event of a partition will get; see [`Engine::durable_head`].
    pub fn durable_head(&self, partition: PartitionId) -> Option<watch::Receiver<u64>> {
        self.engine.durable_head(partition)
    }

    /// The engine, for those who submit from several tasks.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The states of the files in the folder of plugins, and every change of them.
    pub fn statuses(&self) -> watch::Receiver<Vec<FileStatus>> {
        self.tasks.statuses.clone()
    }

    /// Waits until the host stops by itself, and says why; for ever if it never does. All commands that waited are answered
    /// with that reason, and so are commands from then on.
    pub fn stopped(&self) -> impl Future<Output = StopReason> + Send + use<> {
        self.engine.stopped()
    }

    /// Answers everything that was admitted, then ends. Returns the counts of what was done.
    pub async fn shutdown(self) -> Stats {
        self.tasks.end().await;
        self.engine.shutdown().await;
        self.engine.stats()
    }
}

/// What runs beside the engine.
pub(crate) struct HostTasks {
    statuses: watch::Receiver<Vec<FileStatus>>,
    following: Option<Following>,
    publishing: JoinHandle<()>,
}

/// A registry that follows the folder of plugins.
struct Following {
    _watch: FolderWatch,
    stop: oneshot::Sender<()>,
    registry: JoinHandle<()>,
}

impl HostTasks {
    pub(crate) fn start(settings: &HostSettings, registry: Registry, engine: &Arc<Engine>, follows: bool) -> Self {
        let statuses = registry.statuses();
        let publishing = tokio::spawn(status_file::publish(settings.data.clone(), statuses.clone()));
        let following = follows.then(|| {
            let hint = Arc::new(Notify::new());
            let (stop, stopped) = oneshot::channel();
            let hinting = Arc::clone(&hint);
            Following {
                _watch: FolderWatch::start(&settings.plugins, move || hinting.notify_one()),
                stop,
                registry: tokio::spawn(registry.run(Arc::clone(engine), hint, stopped)),
            }
        });
        Self { statuses, following, publishing }
    }

    async fn end(self) {
        if let Some(following) = self.following {
            let _ = following.stop.send(());
            let _ = following.registry.await;
        }
        // The registry is gone, and with it the last sender: its last statuses are written.
        let _ = self.publishing.await;
    }
}
