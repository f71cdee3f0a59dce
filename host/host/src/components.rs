//! Loads components from the folder of plugins, from the component store and from single files.

use std::{path::Path, sync::Arc};

use cantus_engine::registry::ActivationState;
use cantus_model::{
    ComponentRecord, Digest,
    ports::{ActivationLog, Component, ComponentLoader, ComponentStore, Refused},
};
use cantus_replay::replay::ComponentFinder;
use cantus_wasm::{ComponentFolder, Limits, LoadError, PluginFolder, Runtime};

use crate::{HostError, HostSettings, RefusedPlugin};

/// Decides whether a runtime creates the cache of compiled code in the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachePolicy {
    /// The cache is created, with the data folder if it is missing.
    Create,
    /// The cache is used only if the data folder exists.
    UseExisting,
}

/// A component file that was loaded.
pub struct LoadedFile {
    /// The component, ready to run.
    pub component: Arc<dyn Component>,
    /// The names of its imports.
    pub imports: Vec<String>,
    /// The bytes of the file.
    pub bytes: Vec<u8>,
}

/// Loads one component file.
///
/// # Errors
/// [`HostError::Invalid`] if the file cannot be read, [`HostError::Plugin`] if it is refused, [`HostError::Machine`] if the
/// runtime does not start.
pub fn load_file(settings: &HostSettings, path: &Path) -> Result<LoadedFile, HostError> {
    let at = path.display();
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let read = PluginFolder::open(folder, settings.wasm.component_bytes).and_then(|folder| folder.read(&name));
    let bytes = read.map_err(|error| match error {
        error @ LoadError::Unreadable(_) => HostError::Invalid(format!("{at}: {error}")),
        error => HostError::Plugin(format!("{at}: {error}")),
    })?;
    let refused = |error: LoadError| HostError::Plugin(format!("{at}: {error}"));
    let runtime = runtime(settings, CachePolicy::UseExisting)?;
    let component = runtime.load(&bytes).map_err(refused)?;
    let imports = runtime.imports(&bytes).map_err(refused)?;
    Ok(LoadedFile { component, imports, bytes })
}

/// Opens the folder of plugins.
///
/// # Errors
/// [`HostError::Plugin`] if it cannot be opened.
pub fn plugin_folder(settings: &HostSettings) -> Result<PluginFolder, HostError> {
    PluginFolder::open(&settings.plugins, settings.wasm.component_bytes).map_err(HostError::plugin)
}

/// The component store in the data folder: the bytes of every component that ever decided a command.
pub struct StoredComponents {
    /// `None` if the component store does not exist.
    folder: Option<ComponentFolder>,
}

impl StoredComponents {
    /// Opens the component store for reading. One that does not exist is empty; it is not created.
    ///
    /// # Errors
    /// [`HostError::Machine`] if it exists and cannot be opened.
    pub fn open(settings: &HostSettings) -> Result<Self, HostError> {
        let path = settings.data.join("components");
        let folder = path.is_dir().then(|| ComponentFolder::open(&path)).transpose();
        Ok(Self { folder: folder.map_err(HostError::machine)? })
    }

    /// Opens the component store for reading and writing, and creates it if it is missing.
    ///
    /// # Errors
    /// [`HostError::Machine`] if the folder cannot be created.
    pub fn create(settings: &HostSettings) -> Result<Self, HostError> {
        let path = settings.data.join("components");
        let failed = |error| HostError::Machine(format!("the folder {}: {error}", path.display()));
        Ok(Self { folder: Some(ComponentFolder::open(&path).map_err(failed)?) })
    }
}

impl ComponentStore for StoredComponents {
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        let folder =
            self.folder.as_ref().ok_or_else(|| Refused("the component store is open for reading only".into()))?;
        folder.put_component(bytes)
    }

    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        self.folder.as_ref().map_or(Ok(None), |folder| folder.get_component(digest))
    }
}

/// Returns a function that finds stored components by their digest and loads them with `loader`.
pub fn component_finder(components: StoredComponents, loader: Arc<dyn ComponentLoader>) -> ComponentFinder {
    Box::new(move |digest| {
        let bytes = components.get_component(digest)?;
        bytes.map(|bytes| loader.load(&bytes)).transpose()
    })
}

/// Returns a function that finds stored components by their digest and loads them with a runtime of its own.
///
/// # Errors
/// [`HostError::Machine`] if the component store cannot be opened, or the runtime does not start.
pub fn stored_component_finder(settings: &HostSettings) -> Result<ComponentFinder, HostError> {
    Ok(component_finder(StoredComponents::open(settings)?, Arc::new(runtime(settings, CachePolicy::UseExisting)?)))
}

/// Finds the component that is live for an aggregate type, or the last one that was. `None` if none ever was.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn find_live_or_last(
    log: &dyn ActivationLog,
    aggregate_type: &str,
) -> Result<Option<Digest>, HostError> {
    let records = log.components().await?;
    let hosting: Vec<_> = records.iter().filter(|record| record.manifest.aggregate(aggregate_type).is_some()).collect();
    let state = ActivationState::new(records.clone(), &log.activations(0).await?);
    let is_latest = |name: &str, digest| state.history(name).and_then(|history| history.latest()) == Some(digest);
    let live = hosting.iter().rfind(|record| state.live().any(|(_, digest)| digest == record.digest));
    let latest = live.or_else(|| hosting.iter().rfind(|record| is_latest(&record.manifest.name, record.digest)));
    Ok(latest.map(|record| record.digest))
}

/// Finds a component in the folder of plugins that hosts an aggregate type.
///
/// # Errors
/// If no file there hosts it; the message lists the aggregate types that are hosted.
pub(crate) fn find_in_folder(
    settings: &HostSettings,
    loader: &dyn ComponentLoader,
    aggregate_type: &str,
) -> Result<Arc<dyn Component>, HostError> {
    let path = settings.plugins.as_path();
    if !path.exists() {
        return Err(no_plugins(path));
    }
    let folder = plugin_folder(settings)?;
    let (mut hosted, mut refused) = (Vec::new(), Vec::new());
    for name in folder.names().map_err(HostError::plugin)? {
        let bytes = folder.read(&name).map_err(Refused::from);
        match bytes.and_then(|bytes| loader.load(&bytes)) {
            Ok(component) if component.manifest().aggregate(aggregate_type).is_some() => return Ok(component),
            Ok(component) => hosted.extend(component.manifest().aggregates.iter().map(|kind| kind.name.clone())),
            Err(error) => refused.push(RefusedPlugin { file: path.join(&name), reason: error.to_string() }),
        }
    }
    Err(match (hosted.is_empty(), refused.is_empty()) {
        (true, true) => no_plugins(path),
        (_, false) => HostError::PluginsRefused(refused),
        (false, true) => HostError::Invalid(format!(
            "no plugin hosts the aggregate {aggregate_type}; these are hosted: {}",
            hosted.join(", ")
        )),
    })
}

/// Returns the error for a folder without a plugin.
pub(crate) fn no_plugins(path: &Path) -> HostError {
    let advice = "put a component file there (`cantus plugin build DIR` does), or set `plugins` to another folder";
    HostError::Plugin(format!("there is no plugin in {}: {advice}", path.display()))
}

/// Starts a runtime with a pool of `wasm.sandboxes` sandboxes, which are quick to open.
///
/// # Errors
/// [`HostError::Machine`] if the limits do not fit each other, or the cache of compiled code cannot be opened.
pub fn runtime(settings: &HostSettings, policy: CachePolicy) -> Result<Runtime, HostError> {
    match policy {
        CachePolicy::Create => {
            Runtime::new(&settings.wasm, Some(&settings.data.join("compiled"))).map_err(HostError::machine)
        }
        CachePolicy::UseExisting => with_cache(settings, Runtime::new),
    }
}

/// Starts a runtime without a pool: any number of sandboxes may be open, and each takes longer to open.
///
/// # Errors
/// [`HostError::Machine`] if the limits do not fit each other.
pub fn unpooled_runtime(settings: &HostSettings) -> Result<Runtime, HostError> {
    with_cache(settings, Runtime::unpooled)
}

/// Starts a runtime with the cache of compiled code, if the data folder exists and the cache can be written.
fn with_cache(
    settings: &HostSettings,
    start: fn(&Limits, Option<&Path>) -> Result<Runtime, LoadError>,
) -> Result<Runtime, HostError> {
    let cache = settings.data.is_dir().then(|| settings.data.join("compiled"));
    match start(&settings.wasm, cache.as_deref()) {
        Err(_) if cache.is_some() => start(&settings.wasm, None).map_err(HostError::machine),
        started => started.map_err(HostError::machine),
    }
}

/// Names a component for people: its plugin, its version and the beginning of its digest.
pub fn component_label(component: &dyn Component) -> String {
    let manifest = component.manifest();
    format!("{} {} ({})", manifest.name, manifest.version, component.digest().short())
}

/// Names a component for people by its record, or by its digest alone if it has none.
pub fn recorded_component_label(records: &[ComponentRecord], digest: Digest) -> String {
    match records.iter().find(|record| record.digest == digest) {
        Some(ComponentRecord { manifest, .. }) => {
            format!("{} {} ({})", manifest.name, manifest.version, digest.short())
        }
        None => format!("a component that was never live here ({})", digest.short()),
    }
}
