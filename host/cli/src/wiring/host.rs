//! A running host: engine, registry, and what watches the folder of plugins.

use std::sync::Arc;

use cantus_engine::{registry::{FileState, FileStatus, Registry, RegistryNotice}, Engine, Ownership, StartError, Stats, SystemClock};
use cantus_wasm::FolderWatch;
use tokio::{sync::{oneshot, watch, Notify}, task::JoinHandle};

use crate::{exit_codes::{CliError, Exit, OrExit}, render, settings::Settings};
use super::{activator, plugins::no_plugins, repros, source, status, CachePolicy};

/// A running host.
pub(crate) struct Host {
    /// Decides commands.
    pub(crate) engine: Arc<Engine>,
    statuses: watch::Receiver<Vec<FileStatus>>,
    watching: Option<Watching>,
    publishing: JoinHandle<()>,
}

struct Watching {
    _folder: FolderWatch,
    stop: oneshot::Sender<()>,
    registry: JoinHandle<()>,
}

impl Host {
    /// What is known of the files in the folder of plugins, and every change of it.
    pub(crate) fn statuses(&self) -> watch::Receiver<Vec<FileStatus>> {
        self.statuses.clone()
    }

    /// Answers everything that was admitted, then stops.
    pub(crate) async fn stop(self) -> Stats {
        if let Some(watching) = self.watching {
            let _ = watching.stop.send(());
            let _ = watching.registry.await;
        }
        // The registry is gone, and with it the last sender: what it said last is written.
        let _ = self.publishing.await;
        self.engine.shutdown().await;
        self.engine.stats()
    }
}

/// Starts a host on the store, which is made if it is missing, and on what is live or becomes so by lying in the folder
/// of plugins. With `follow`, it follows the folder and `cantus plugin activate` from then on.
///
/// # Errors
/// If nothing can be live, or the store cannot be written.
pub(crate) async fn start(
    settings: &Settings,
    follow: bool,
    observer: impl Fn(&RegistryNotice) + Send + Sync + 'static,
) -> Result<Host, CliError> {
    let path = settings.plugins.as_path();
    if !path.exists() {
        return Err(no_plugins(path));
    }
    let source = source(settings, CachePolicy::Components)?;
    let store = cantus_store::open(&settings.store, settings.store_partitions).await.or_exit(Exit::Store)?;
    // Nothing is recorded before this host owns the store.
    let owned = OwnedStore::claim(store).await.or_exit(Exit::Store)?;
    let activator = activator(settings, Arc::clone(owned.store()), owned.author(), source);
    let registry = Registry::open(settings.registry.clone(), activator, observer).await.or_exit(Exit::Store)?;
    check_live(settings, &registry, follow)?;
    check_sandboxes(settings, registry.live().len())?;
    let (live, keep) = (registry.live(), Some(repros::keep(settings)));
    let engine = Engine::start_owned(settings.engine.clone(), owned, &live, Arc::new(SystemClock), keep);
    let engine = Arc::new(engine.map_err(|error| match error {
        StartError::Store(error) => CliError::new(Exit::Store, error),
        StartError::AggregateTwice(_) => CliError::new(Exit::Plugin, error),
        StartError::Thread(_) => CliError::new(Exit::Machine, error),
    })?);
    let statuses = registry.statuses();
    let publishing = tokio::spawn(status::publish(settings.data.clone(), statuses.clone()));
    let watching = follow.then(|| {
        let hint = Arc::new(Notify::new());
        let (stop, stopped) = oneshot::channel();
        let hinting = Arc::clone(&hint);
        Watching {
            _folder: FolderWatch::start(path, move || hinting.notify_one()),
            stop,
            registry: tokio::spawn(registry.run(Arc::clone(&engine), hint, stopped)),
        }
    });
    Ok(Host { engine, statuses, watching, publishing })
}

/// A start is as forgiving as a running host: what is wrong with a file was told to the observer, and stops it only if
/// nothing is live and, without `follow`, nothing can become so.
fn check_live(settings: &Settings, registry: &Registry, follow: bool) -> Result<(), CliError> {
    if !registry.live().is_empty() {
        return Ok(());
    }
    let statuses = registry.statuses();
    let statuses = statuses.borrow();
    if follow && statuses.iter().any(|file| file.state != FileState::Refused) {
        return Ok(());
    }
    let reason = |file: &FileStatus| {
        let path = settings.plugins.join(&file.file);
        let why = file.reason.as_deref().unwrap_or(file.state.as_str());
        format!("\n  {}: {}", render::escaped(path.display()), render::message(why))
    };
    match statuses.is_empty() {
        true => Err(no_plugins(&settings.plugins)),
        false => {
            let reasons: String = statuses.iter().map(reason).collect();
            Err(CliError::new(Exit::Plugin, format!("refused as plugins:{reasons}")))
        }
    }
}

/// Each shard needs a sandbox for each plugin, and one more while it is swapped, and its places in quarantine; and a
/// verification needs some.
fn check_sandboxes(settings: &Settings, plugins: usize) -> Result<(), CliError> {
    const VERIFYING: usize = 3;
    let quarantine = settings.engine.quarantine_sandboxes;
    let needed = settings.engine.shards.saturating_mul(plugins + 1 + quarantine).saturating_add(VERIFYING);
    if needed <= settings.wasm.sandboxes as usize {
        return Ok(());
    }
    let message = format!(
        "wasm.sandboxes is {}, but {} shards with {plugins} plugins, one more while they are swapped, and {quarantine} places \
         in quarantine need {needed}: raise it, or lower engine.shards or engine.quarantine_sandboxes",
        settings.wasm.sandboxes, settings.engine.shards
    );
    Err(CliError::new(Exit::Usage, message))
}
