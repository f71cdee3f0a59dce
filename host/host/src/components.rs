//! Components: from the folder of plugins, from where stored components are, from a file.

use std::{path::Path, sync::Arc};

use cantus_engine::registry::ActivationState;
use cantus_model::{
    ComponentRecord, Digest,
    ports::{ActivationLog, Component, ComponentLoader, ComponentStore, Refused},
};
use cantus_replay::replay::ComponentFinder;
use cantus_wasm::{ComponentFolder, Limits, LoadError, PluginFolder, Runtime};

use crate::{HostError, HostSettings, RefusedPlugin};

/// What may be made in the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachePolicy {
    /// Everything: components are about to go live.
    Create,
    /// Compiled code, if there is a data folder already.
    UseExisting,
}

/// A component file that was loaded.
pub struct LoadedFile {
    /// Ready to run.
    pub component: Arc<dyn Component>,
    /// Everything that it imports.
    pub imports: Vec<String>,
    /// The bytes of the file.
    pub bytes: Vec<u8>,
}

/// Loads one component file.
///
/// # Errors
/// [`HostError::Invalid`] if it cannot be read, [`HostError::Plugin`] if it is refused.
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

/// The folder of plugins.
///
/// # Errors
/// If it cannot be opened.
pub fn plugin_folder(settings: &HostSettings) -> Result<PluginFolder, HostError> {
    PluginFolder::open(&settings.plugins, settings.wasm.component_bytes).map_err(HostError::plugin)
}

/// Where the bytes of every component are that ever decided something.
pub struct StoredComponents {
    /// Absent if it was never made.
    folder: Option<ComponentFolder>,
}

impl StoredComponents {
    /// Opens them for reading. Makes nothing.
    ///
    /// # Errors
    /// If they are there and cannot be opened.
    pub fn open(settings: &HostSettings) -> Result<Self, HostError> {
        let path = settings.data.join("components");
        let folder = path.is_dir().then(|| ComponentFolder::open(&path)).transpose();
        Ok(Self { folder: folder.map_err(HostError::machine)? })
    }

    /// Opens them for storing more.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn create(settings: &HostSettings) -> Result<Self, HostError> {
        let path = settings.data.join("components");
        let failed = |error| HostError::Machine(format!("the folder {}: {error}", path.display()));
        Ok(Self { folder: Some(ComponentFolder::open(&path).map_err(failed)?) })
    }
}

impl ComponentStore for StoredComponents {
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        let folder = self.folder.as_ref().ok_or_else(|| Refused("stored components were opened for reading".into()))?;
        folder.put_component(bytes)
    }

    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        self.folder.as_ref().map_or(Ok(None), |folder| folder.get_component(digest))
    }
}

/// Makes what finds components by their digest among the stored ones, and loads them with `loader`.
pub fn finder(components: StoredComponents, loader: Arc<dyn ComponentLoader>) -> ComponentFinder {
    Box::new(move |digest| {
        let bytes = components.get_component(digest)?;
        bytes.map(|bytes| loader.load(&bytes)).transpose()
    })
}

/// Makes what finds stored components, to be run by a runtime of its own.
///
/// # Errors
/// If the stored components cannot be opened, or the runtime does not start.
pub fn stored_finder(settings: &HostSettings) -> Result<ComponentFinder, HostError> {
    Ok(finder(StoredComponents::open(settings)?, Arc::new(runtime(settings, CachePolicy::UseExisting)?)))
}

/// Finds what folds aggregates of a type: the component that is live for it, or was last. `None` if none ever was, or its bytes
/// are gone.
///
/// # Errors
/// If the log of activations or the stored components cannot be read.
pub(crate) async fn last_live_for(log: &dyn ActivationLog, aggregate_type: &str) -> Result<Option<Digest>, HostError> {
    let records = log.components().await?;
    let hosting: Vec<_> = records.iter().filter(|record| record.manifest.aggregate(aggregate_type).is_some()).collect();
    let state = ActivationState::new(records.clone(), &log.activations(0).await?);
    let is_latest = |name: &str, digest| state.history(name).and_then(|history| history.latest()) == Some(digest);
    let live = hosting.iter().rfind(|record| state.live().any(|(_, digest)| digest == record.digest));
    let latest = live.or_else(|| hosting.iter().rfind(|record| is_latest(&record.manifest.name, record.digest)));
    Ok(latest.map(|record| record.digest))
}

/// Finds what hosts an aggregate type in the folder of plugins.
///
/// # Errors
/// If nothing there does: what is hosted is named.
pub(crate) fn in_folder_for(
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
            "no plugin hosts the aggregate {aggregate_type}; there are: {}",
            hosted.join(", ")
        )),
    })
}

/// The error of a folder without a plugin.
pub(crate) fn no_plugins(path: &Path) -> HostError {
    let advice = "put one there with `cantus plugin build DIR`, or name another folder with --plugins";
    HostError::Plugin(format!("there is no plugin in {}: {advice}", path.display()))
}

/// Starts a runtime with `wasm.sandboxes` sandboxes that are quick to make.
///
/// # Errors
/// If the limits make no sense, or the compiled cache cannot be opened.
pub fn runtime(settings: &HostSettings, policy: CachePolicy) -> Result<Runtime, HostError> {
    match policy {
        CachePolicy::Create => {
            Runtime::new(&settings.wasm, Some(&settings.data.join("compiled"))).map_err(HostError::machine)
        }
        CachePolicy::UseExisting => with_cache(settings, Runtime::new),
    }
}

/// Starts a runtime for any number of sandboxes, where nobody waits for an answer.
///
/// # Errors
/// If the limits make no sense.
pub fn unpooled_runtime(settings: &HostSettings) -> Result<Runtime, HostError> {
    with_cache(settings, Runtime::unpooled)
}

/// Uses the compiled cache of the data folder, if there is one that can be written.
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

/// Names a component for people: plugin, version, and the beginning of the digest.
pub fn name_of(component: &dyn Component) -> String {
    let manifest = component.manifest();
    format!("{} {} ({})", manifest.name, manifest.version, component.digest().short())
}

/// Names a component by the record of it; one that has no record by its digest alone.
pub fn name_in(records: &[ComponentRecord], digest: Digest) -> String {
    match records.iter().find(|record| record.digest == digest) {
        Some(ComponentRecord { manifest, .. }) => {
            format!("{} {} ({})", manifest.name, manifest.version, digest.short())
        }
        None => format!("a component that was never live here ({})", digest.short()),
    }
}
