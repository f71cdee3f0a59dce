//! A host on folders of its own: put together as `cantus run --watch` does it, and watched.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use cantus_engine::{
    Engine, EngineParts, FixedClock, Ownership,
    registry::{self, Activator, FileState, FileStatus, Registry, RegistryNotice},
};
use cantus_model::{
    Activation, ActivationCause, Answer, Digest,
    ports::{ActivationAuthor, Store},
};
use cantus_replay::verify;
use cantus_store::{MemoryStore, SqliteStore};
use cantus_tests::host::{self, NOW};
use cantus_wasm::{ComponentFolder, FolderWatch, Limits, PluginFolder};
use tempfile::TempDir;
use tokio::{
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::instrumented_source::InstrumentedSource;

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Folders and a store that outlive the hosts on them.
pub(crate) struct Fixture {
    pub(crate) root: TempDir,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) source: Arc<InstrumentedSource>,
    pub(crate) registry: registry::RegistrySettings,
    pub(crate) verify: verify::VerifySettings,
    pub(crate) engine: cantus_engine::EngineSettings,
}

impl Fixture {
    /// On a store in memory.
    pub(crate) fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap(), Arc::new(MemoryStore::default()))
    }

    /// On a store on disk.
    pub(crate) async fn sqlite() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&url(&root)).await.unwrap());
        Self::on(root, store)
    }

    pub(crate) fn on(root: TempDir, store: Arc<dyn Store>) -> Self {
        let limits = Limits { sandboxes: 24, component_bytes: 2 << 20, ..host::limits() };
        fs::create_dir_all(root.path().join("plugins")).unwrap();
        let folder = PluginFolder::open(&root.path().join("plugins"), limits.component_bytes).unwrap();
        let components = ComponentFolder::open(&root.path().join("components")).unwrap();
        Self {
            root,
            store,
            source: Arc::new(InstrumentedSource::new(folder, components, host::runtime(&limits))),
            registry: registry::RegistrySettings { settle_ms: 5, rescan_ms: 20, removal_ms: 100, ..Default::default() },
            verify: verify::VerifySettings { time_ms: 60_000, ..Default::default() },
            engine: host::settings(),
        }
    }

    /// As the next process finds it.
    pub(crate) fn again(self) -> Self {
        Self::on(self.root, self.store)
    }

    /// As another process sees the same folders and the same store.
    pub(crate) async fn elsewhere(&self) -> Activator {
        let store = Arc::new(SqliteStore::open(&url(&self.root)).await.unwrap());
        Activator { log: store.clone(), history: store.clone(), journal: store, ..self.activator() }
    }

    /// With a folder of plugins of its own, on the same store and the same components, as another process.
    pub(crate) async fn beside(&self) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(self.root.path().join("components"), root.path().join("components")).unwrap();
        let store = Arc::new(SqliteStore::open(&url(&self.root)).await.unwrap());
        Self::on(root, store)
    }

    pub(crate) fn activator(&self) -> Activator {
        Activator {
            author: ActivationAuthor::Operator,
            log: self.store.clone(),
            history: self.store.clone(),
            journal: self.store.clone(),
            source: self.source.clone(),
            loader: self.source.clone(),
            components: self.source.clone(),
            clock: Arc::new(FixedClock(NOW)),
            verify: self.verify.clone(),
            events_per_command: self.engine.events_per_command,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("plugins").join(name)
    }

    /// Puts a whole file there at once.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Digest {
        let aside = self.path(&format!(".{name}"));
        fs::write(&aside, bytes).unwrap();
        fs::rename(aside, self.path(name)).unwrap();
        Digest::of(bytes)
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Where the component store keeps a component.
    pub(crate) fn component_path(&self, digest: Digest) -> PathBuf {
        self.root.path().join(format!("components/{digest}.wasm"))
    }

    pub(crate) async fn activations(&self) -> Vec<Activation> {
        self.store.activations(0).await.unwrap()
    }

    /// The log of activations in short: `CAUSE VERSION`, or `CAUSE -` where nothing became live.
    pub(crate) async fn log(&self) -> Vec<String> {
        let components = self.store.components().await.unwrap();
        let version = |digest| components.iter().find(|known| known.digest == digest).unwrap().manifest.version.clone();
        let line = |it: &Activation| {
            format!("{} {}", it.cause, it.to.map_or_else(|| "-".into(), |digest| version(digest).to_string()))
        };
        self.activations().await.iter().map(line).collect()
    }

    /// A host that looks now and then.
    pub(crate) async fn open(&self) -> Host {
        self.open_with(Arc::new(Notify::new()), None).await
    }

    /// A host that is told by the file system when to look.
    pub(crate) async fn open_watching(&self) -> Host {
        let hint = Arc::new(Notify::new());
        let hinting = Arc::clone(&hint);
        let watch = FolderWatch::start(&self.path(""), move || hinting.notify_one());
        self.open_with(hint, Some(watch)).await
    }

    async fn open_with(&self, hint: Arc<Notify>, watch: Option<FolderWatch>) -> Host {
        let (sender, notices) = watch::channel(Vec::new());
        let observer = move |notice: &RegistryNotice| sender.send_modify(|told| told.push(notice.clone()));
        let ownership = Ownership::claim(self.store.clone(), &*self.store).await.unwrap();
        let activator = Activator { author: ownership.author(), ..self.activator() };
        let registry = Registry::open(self.registry.clone(), activator, observer).await.unwrap();
        let engine = Engine::start(EngineParts {
            settings: self.engine.clone(),
            ownership,
            hydrator: self.store.clone(),
            live: &registry.live(),
            clock: Arc::new(FixedClock(NOW)),
            repro: None,
        });
        let engine = engine.unwrap();
        let (engine, statuses) = (Arc::new(engine), registry.statuses());
        let (stop, stopped) = oneshot::channel();
        let registry = tokio::spawn(registry.run(Arc::clone(&engine), hint, stopped));
        Host { engine, statuses, notices, source: Arc::clone(&self.source), stop, registry, _watch: watch }
    }
}

fn url(root: &TempDir) -> String {
    format!("sqlite:{}", root.path().join("cantus.db").display())
}

/// A running host.
pub(crate) struct Host {
    pub(crate) engine: Arc<Engine>,
    pub(crate) statuses: watch::Receiver<Vec<FileStatus>>,
    pub(crate) notices: watch::Receiver<Vec<RegistryNotice>>,
    source: Arc<InstrumentedSource>,
    stop: oneshot::Sender<()>,
    registry: JoinHandle<()>,
    _watch: Option<FolderWatch>,
}

impl Host {
    /// Waits until a file is in a state.
    pub(crate) async fn file(&self, name: &str, state: FileState) -> FileStatus {
        self.status(name, |status| status.state == state).await
    }

    /// Waits until a file with these bytes is refused, and says why.
    pub(crate) async fn refused(&self, name: &str, digest: Digest) -> String {
        let refused = |status: &FileStatus| status.state == FileState::Refused && status.digest == Some(digest);
        self.status(name, refused).await.reason.unwrap()
    }

    pub(crate) async fn status(&self, name: &str, is_it: impl Fn(&FileStatus) -> bool) -> FileStatus {
        let find = |all: &[FileStatus]| all.iter().find(|status| status.file == name && is_it(status)).cloned();
        let mut statuses = self.statuses.clone();
        let found = timeout(PATIENCE, statuses.wait_for(|all| find(all).is_some())).await;
        let found = found.map(|all| find(&all.unwrap()).unwrap());
        found.unwrap_or_else(|_| panic!("{name} is not as expected: {:#?}", *self.statuses.borrow()))
    }

    /// Waits until there are files of just these names.
    pub(crate) async fn files(&self, names: &[&str]) {
        let mut statuses = self.statuses.clone();
        let are_there = |all: &Vec<FileStatus>| all.iter().map(|status| status.file.as_str()).eq(names.iter().copied());
        timeout(PATIENCE, statuses.wait_for(are_there)).await.expect("other files").unwrap();
    }

    /// Waits until the registry has looked at all from now on, and acted on it.
    pub(crate) async fn looked(&self) {
        let mut scans = self.source.scans();
        // One that is under way may have begun before; the next sees a change, the third takes it up, and is done with
        // it when the fourth begins.
        let enough = *scans.borrow() + 4;
        timeout(PATIENCE, scans.wait_for(|scans| *scans >= enough)).await.expect("nobody looks").unwrap();
    }

    /// Waits for a change of what is live that was brought about so, and returns the newest.
    pub(crate) async fn changed(&self, cause: ActivationCause, to: Option<Digest>) -> Activation {
        let find = |told: &[RegistryNotice]| {
            told.iter().rev().find_map(|notice| match notice {
                RegistryNotice::Changed { activation, .. } if activation.cause == cause && activation.to == to => {
                    Some((**activation).clone())
                }
                _ => None,
            })
        };
        let mut notices = self.notices.clone();
        let found = timeout(PATIENCE, notices.wait_for(|told| find(told).is_some())).await;
        let found = found.map(|told| find(&told.unwrap()).unwrap());
        found.unwrap_or_else(|_| panic!("nothing was {cause}: {:#?}", self.told()))
    }

    /// Waits until the registry says that it has trouble with this.
    pub(crate) async fn trouble(&self, with: &str) {
        let is_it = |notice: &RegistryNotice| matches!(notice, RegistryNotice::Problem(what) if what.contains(with));
        let mut notices = self.notices.clone();
        let found = timeout(PATIENCE, notices.wait_for(|told| told.iter().any(is_it))).await.is_ok();
        assert!(found, "no trouble with {with}: {:#?}", self.told());
    }

    /// The notices so far, in short.
    pub(crate) fn told(&self) -> Vec<String> {
        let version = |version: &Option<_>| version.as_ref().map_or_else(|| "-".into(), ToString::to_string);
        let line = |notice: &RegistryNotice| match notice {
            RegistryNotice::Changed { activation, version: now, before, .. } => {
                format!("{}: {} → {}", activation.cause, version(before), version(now))
            }
            RegistryNotice::Refused { status, .. } => format!("refused: {}", status.file),
            RegistryNotice::Problem(what) => format!("trouble: {what}"),
        };
        self.notices.borrow().iter().map(line).collect()
    }

    /// Adds to a tally.
    pub(crate) async fn add(&self, id: &str, aggregate: &str, amount: u64) -> Answer {
        self.engine.execute(crate::add(id, aggregate, amount)).await
    }

    /// Waits until the registry has ended by itself, and stops the engine.
    pub(crate) async fn ended(self) {
        timeout(PATIENCE, self.registry).await.expect("the registry goes on").unwrap();
        self.engine.shutdown().await;
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("the registry has ended by itself");
        self.registry.await.unwrap();
        self.engine.shutdown().await;
    }
}
