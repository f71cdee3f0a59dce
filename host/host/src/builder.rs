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
    activator::build_activator,
    components::{self, CachePolicy, StoredComponents, no_plugins},
    host::{FollowMode, HostTasks},
};

/// Receives the notices of the registry.
type Observer = Box<dyn Fn(&RegistryNotice) + Send + Sync>;

/// Builds a [`Host`]. Settings that are not given have the values of [`HostSettings::default`].
pub struct HostBuilder {
    settings: HostSettings,
    follow: FollowMode,
    observer: Observer,
}

impl Host {
    /// Returns a builder with the default settings.
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
    /// Sets the URL of the event store: `sqlite:PATH`, which is created if it is missing, or `memory:`, which ends with the
    /// host.
    #[must_use]
    pub fn store(mut self, url: impl Into<String>) -> Self {
        self.settings.store = url.into();
        self
    }

    /// Sets the folder of plugins, which must exist.
    #[must_use]
    pub fn plugins(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.plugins = folder.into();
        self
    }

    /// Sets the host's own folder, for compiled code, stored components and repro bundles. It is created if it is missing.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.data = folder.into();
        self
    }

    /// Replaces all settings, also those that were set before.
    #[must_use]
    pub fn settings(mut self, settings: HostSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Follows the folder of plugins and the log of activations while the host runs: a component file that is put into the
    /// folder is verified and goes live. Without this, the host reads both once, at its start.
    #[must_use]
    pub fn follow_plugins(mut self) -> Self {
        self.follow = FollowMode::Follow;
        self
    }

    /// Passes every notice of the registry to `observer`: a version that went live, a file that was refused, a failure. The
    /// observer must not block.
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(&RegistryNotice) + Send + Sync + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Starts the host: opens the store, takes over writing from any other host, verifies new components and starts the
    /// threads. It must be called within a multi-threaded Tokio runtime.
    ///
    /// # Errors
    /// [`HostError::Plugin`] if there is no plugin; [`HostError::PluginsRefused`] if no version is live and every file is
    /// refused; [`HostError::Store`] if the store cannot be opened or written; [`HostError::Invalid`] if `wasm.sandboxes` is
    /// too small for the other settings; [`HostError::Machine`] if a folder or a thread cannot be created.
    pub async fn start(self) -> Result<Host, HostError> {
        let Self { settings, follow, observer } = self;
        if !settings.plugins.exists() {
            return Err(no_plugins(&settings.plugins));
        }
        let loader: Arc<dyn ComponentLoader> = Arc::new(components::runtime(&settings, CachePolicy::Create)?);
        let stored = Arc::new(StoredComponents::create(&settings)?);
        let store = cantus_store::open(&settings.store, settings.store_partitions).await?;
        // The claim comes first: a host that does not own the store must not record anything.
        let ownership = Ownership::claim(store.clone(), &*store).await?;
        let activator = build_activator(&settings, &store, ownership.author(), loader, stored)?;
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
            repro: Some(ReproConfig { settings: settings.repro.clone(), sink: Arc::new(ReproFolder::new(&settings)) }),
        })?);
        let tasks = HostTasks::start(&settings, registry, &engine, follow);
        Ok(Host::new(engine, Queries::new(settings, store), operations, tasks))
    }
}

/// Refuses a start if no version is live and none can become live. The observer has received every other problem of a file.
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

/// Checks that there are enough sandboxes: each shard needs one for each plugin, one more during a swap, and those in
/// quarantine; a verification needs some more.
fn check_sandboxes(settings: &HostSettings, plugins: usize) -> Result<(), HostError> {
    const VERIFICATION_SANDBOXES: usize = 3;
    let quarantine = settings.engine.quarantine_sandboxes;
    let needed = settings.engine.shards.saturating_mul(plugins + 1 + quarantine).saturating_add(VERIFICATION_SANDBOXES);
    if needed <= settings.wasm.sandboxes as usize {
        return Ok(());
    }
    Err(HostError::Invalid(format!(
        "the setting wasm.sandboxes is {}, but {needed} sandboxes are needed: {} shards, each with {plugins} plugins, one \
         more during a swap, and {quarantine} in quarantine; raise it, or lower engine.shards or \
         engine.quarantine_sandboxes",
        settings.wasm.sandboxes, settings.engine.shards
    )))
}
