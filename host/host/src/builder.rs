//! Starts a host: opens the store, claims it, lets the registry find what is live, and starts the engine.

use std::{path::PathBuf, sync::Arc};

use cantus_engine::{
    Engine, EngineParts, Ownership, SystemClock,
    registry::{Activator, FileState, Registry, RegistryNotice},
    repro::ReproConfig,
};
use cantus_model::ports::{ActivationAuthor, ComponentLoader};

use crate::{
    Host, HostError, HostSettings, Operations, Queries, RefusedPlugin, ReproFolder,
    activator::activator,
    components::{self, CachePolicy, StoredComponents, no_plugins},
    host::HostTasks,
};

/// Hears of what the registry does.
type Observer = Box<dyn Fn(&RegistryNotice) + Send + Sync>;

/// Whether a host follows the folder of plugins and activations while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FollowMode {
    StartOnly,
    Follow,
}

/// Builds a [`Host`]. Everything has the default of [`HostSettings`].
pub struct HostBuilder {
    settings: HostSettings,
    follow: FollowMode,
    observer: Observer,
}

impl Host {
    /// Begins to build a host.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }
}

impl Default for HostBuilder {
    fn default() -> Self {
        Self { settings: HostSettings::default(), follow: FollowMode::StartOnly, observer: Box::new(|_| {}) }
    }
}

impl HostBuilder {
    /// Sets the URL of the event store, which is made if it is missing: `sqlite:PATH`, or `memory:`.
    #[must_use]
    pub fn store(mut self, url: impl Into<String>) -> Self {
        self.settings.store = url.into();
        self
    }

    /// Sets the folder that plugins are dropped into.
    #[must_use]
    pub fn plugins(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.plugins = folder.into();
        self
    }

    /// Sets the host's own folder, which is made if it is missing: compiled code, stored components, repro bundles.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.data = folder.into();
        self
    }

    /// Replaces all settings.
    #[must_use]
    pub fn settings(mut self, settings: HostSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Follows the folder of plugins and activations while the host runs: a file that is dropped there is verified and goes
    /// live. Without this, the host looks once, at its start.
    #[must_use]
    pub fn follow_plugins(mut self) -> Self {
        self.follow = FollowMode::Follow;
        self
    }

    /// Has every notice of the registry passed to `observer`, which must not block: a swap, a file that is refused, a failure.
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(&RegistryNotice) + Send + Sync + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Starts the host. Must be called within a multi-threaded Tokio runtime.
    ///
    /// # Errors
    /// If no plugin is live and none can become so, the store cannot be written, or the settings do not fit each other.
    pub async fn start(self) -> Result<Host, HostError> {
        let Self { settings, follow, observer } = self;
        if !settings.plugins.exists() {
            return Err(no_plugins(&settings.plugins));
        }
        let loader: Arc<dyn ComponentLoader> = Arc::new(components::runtime(&settings, CachePolicy::Create)?);
        let stored = Arc::new(StoredComponents::create(&settings)?);
        let store = cantus_store::open(&settings.store, settings.store_partitions).await?;
        // Nothing is recorded before this host owns the store.
        let ownership = Ownership::claim(store.clone(), &*store).await?;
        let activator = activator(&settings, &store, ownership.author(), loader, stored)?;
        let operations =
            Operations::new(settings.clone(), Activator { author: ActivationAuthor::Operator, ..activator.clone() });
        let registry = Registry::open(settings.registry.clone(), activator, observer).await?;
        check_live(&settings, &registry, follow)?;
        check_sandboxes(&settings, registry.live().len())?;
        let engine = Arc::new(Engine::start(EngineParts {
            settings: settings.engine.clone(),
            ownership,
            hydrator: store.clone(),
            live: &registry.live(),
            clock: Arc::new(SystemClock),
            repro: Some(ReproConfig { settings: settings.repro.clone(), sink: Arc::new(ReproFolder::of(&settings)) }),
        })?);
        let tasks = HostTasks::start(&settings, registry, &engine, follow == FollowMode::Follow);
        Ok(Host::new(engine, Queries::new(settings, store), operations, tasks))
    }
}

/// Refuses a start only if nothing is live and nothing can become so; whatever else is wrong with a file, the observer heard.
fn check_live(settings: &HostSettings, registry: &Registry, follow: FollowMode) -> Result<(), HostError> {
    if !registry.live().is_empty() {
        return Ok(());
    }
    let statuses = registry.statuses();
    let statuses = statuses.borrow();
    if follow == FollowMode::Follow && statuses.iter().any(|file| file.state != FileState::Refused) {
        return Ok(());
    }
    if statuses.is_empty() {
        return Err(no_plugins(&settings.plugins));
    }
    let refused = statuses.iter().map(|file| RefusedPlugin {
        file: settings.plugins.join(&file.file),
        reason: file.reason.clone().unwrap_or_else(|| file.state.as_str().to_owned()),
    });
    Err(HostError::PluginsRefused(refused.collect()))
}

/// Each shard needs a sandbox for each plugin, one more while a plugin is swapped, and those in quarantine; a verification
/// needs some too.
fn check_sandboxes(settings: &HostSettings, plugins: usize) -> Result<(), HostError> {
    const VERIFYING: usize = 3;
    let quarantine = settings.engine.quarantine_sandboxes;
    let needed = settings.engine.shards.saturating_mul(plugins + 1 + quarantine).saturating_add(VERIFYING);
    if needed <= settings.wasm.sandboxes as usize {
        return Ok(());
    }
    Err(HostError::Invalid(format!(
        "wasm.sandboxes is {}, but {} shards with {plugins} plugins, one more while they are swapped, and {quarantine} places \
         in quarantine need {needed}: raise it, or lower engine.shards or engine.quarantine_sandboxes",
        settings.wasm.sandboxes, settings.engine.shards
    )))
}
