//! Components: from the folder of plugins, from the component store, from a file.

use std::{path::Path, sync::Arc};

use cantus_engine::registry::ActivationState;
use cantus_model::{ports::{Component, PluginSource, Refused, Store}, ComponentRecord, Digest};
use cantus_replay::replay::ComponentFinder;
use cantus_wasm::{ComponentFolder, FolderSource, Limits, LoadError, PluginFolder, Runtime};

use crate::{exit_codes::{CliError, Exit, OrExit}, settings::Settings};

/// What may be made in the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// All of it: components are about to go live.
    Components,
    /// Compiled code, if there is a data folder already.
    CompiledCode,
}

/// The folder of plugins and the component store.
///
/// # Errors
/// If one of them cannot be opened.
pub(crate) fn source(settings: &Settings, keep: CachePolicy) -> Result<Arc<dyn PluginSource>, CliError> {
    let path = settings.plugins.as_path();
    let folder = PluginFolder::open(path, settings.wasm.component_bytes).or_exit(Exit::Plugin)?;
    let components = settings.data.join("components");
    let components = ComponentFolder::open(&components)
        .or_exit_while(Exit::Machine, || format!("the folder {}", components.display()))?;
    Ok(Arc::new(FolderSource::new(folder, components, Arc::new(runtime(settings, keep)?))))
}

/// One file, loaded.
pub(crate) struct LoadedFile {
    /// What the runtime made of it.
    pub(crate) component: Arc<dyn Component>,
    /// Everything that it imports.
    pub(crate) imports: Vec<String>,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Loads one component file.
///
/// # Errors
/// If it cannot be read, or is refused.
pub(crate) fn load_file(settings: &Settings, path: &Path) -> Result<LoadedFile, CliError> {
    let doing = || path.display().to_string();
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let read = PluginFolder::open(folder, settings.wasm.component_bytes).and_then(|folder| folder.read(&name));
    let bytes = read.map_err(|error| match error {
        error @ LoadError::Unreadable(_) => CliError::new(Exit::Usage, format!("{}: {error}", doing())),
        error => CliError::new(Exit::Plugin, format!("{}: {error}", doing())),
    })?;
    let runtime = runtime(settings, CachePolicy::CompiledCode)?;
    let component = runtime.load(&bytes).or_exit_while(Exit::Plugin, doing)?;
    let imports = runtime.imports(&bytes).or_exit_while(Exit::Plugin, doing)?;
    Ok(LoadedFile { component, imports, bytes })
}

/// What folds aggregates of a type: the component that is live for it, or was last; else one of the folder.
///
/// # Errors
/// If there is none: those that are hosted are named.
pub(crate) async fn component_for(
    settings: &Settings,
    store: &dyn Store,
    aggregate: &str,
) -> Result<Arc<dyn Component>, CliError> {
    let records = store.components().await.or_exit(Exit::Store)?;
    let hosting: Vec<_> = records.iter().filter(|record| record.manifest.aggregate(aggregate).is_some()).collect();
    let log = ActivationState::new(records.clone(), &store.activations(0).await.or_exit(Exit::Store)?);
    let is_latest = |name: &str, digest| log.track(name).and_then(|track| track.latest()) == Some(digest);
    let live = hosting.iter().rfind(|record| log.live().any(|(_, digest)| digest == record.digest));
    let latest = live.or_else(|| hosting.iter().rfind(|record| is_latest(&record.manifest.name, record.digest)));
    if let Some(record) = latest
        && let Some(bytes) = kept(settings, record.digest)?
    {
        return runtime(settings, CachePolicy::CompiledCode)?.load(&bytes).or_exit(Exit::Plugin);
    }
    in_folder(settings, aggregate)
}

/// What finds the components that decided, in the component store.
///
/// # Errors
/// If the component store cannot be opened, or the runtime does not start.
pub(crate) fn recorded(settings: &Settings) -> Result<ComponentFinder, CliError> {
    recorded_on(Arc::new(runtime(settings, CachePolicy::CompiledCode)?), settings)
}

/// The same, to be run by `runtime`.
///
/// # Errors
/// If the component store cannot be opened.
pub(crate) fn recorded_on(runtime: Arc<Runtime>, settings: &Settings) -> Result<ComponentFinder, CliError> {
    let path = settings.data.join("components");
    let components = path.is_dir().then(|| ComponentFolder::open(&path)).transpose().or_exit(Exit::Machine)?;
    Ok(Box::new(move |digest| {
        let bytes = components.as_ref().map(|components| components.get(digest)).transpose();
        let bytes = bytes.map_err(|error| Refused(format!("the component store: {error}")))?.flatten();
        Ok(bytes.map(|bytes| runtime.load(&bytes)).transpose()?)
    }))
}

/// The bytes of a component, if the component store has them.
///
/// # Errors
/// If the component store cannot be read, or the bytes are not those of the digest.
pub(crate) fn kept(settings: &Settings, digest: Digest) -> Result<Option<Vec<u8>>, CliError> {
    let path = settings.data.join("components");
    match path.is_dir() {
        true => ComponentFolder::open(&path).and_then(|components| components.get(digest)).or_exit(Exit::Machine),
        false => Ok(None),
    }
}

fn in_folder(settings: &Settings, aggregate: &str) -> Result<Arc<dyn Component>, CliError> {
    let path = settings.plugins.as_path();
    if !path.exists() {
        return Err(no_plugins(path));
    }
    let folder = PluginFolder::open(path, settings.wasm.component_bytes).or_exit(Exit::Plugin)?;
    let runtime = runtime(settings, CachePolicy::CompiledCode)?;
    let (mut hosted, mut refused) = (Vec::new(), Vec::new());
    for name in folder.names().or_exit(Exit::Plugin)? {
        match folder.read(&name).and_then(|bytes| runtime.load(&bytes)) {
            Ok(component) if component.manifest().aggregate(aggregate).is_some() => return Ok(component),
            Ok(component) => hosted.extend(component.manifest().aggregates.iter().map(|kind| kind.name.clone())),
            Err(error) => refused.push(format!("\n  {}: {error}", path.join(&name).display())),
        }
    }
    Err(match (hosted.is_empty(), refused.is_empty()) {
        (true, true) => no_plugins(path),
        (_, false) => CliError::new(Exit::Plugin, format!("refused as plugins:{}", refused.concat())),
        (false, true) => CliError::new(
            Exit::Usage,
            format!("no plugin hosts the aggregate {aggregate}; there are: {}", hosted.join(", ")),
        ),
    })
}

/// There is nothing to decide with.
pub(super) fn no_plugins(path: &Path) -> CliError {
    let advice = "put one there with `cantus plugin build DIR`, or name another folder with --plugins";
    CliError::new(Exit::Plugin, format!("there is no plugin in {}: {advice}", path.display()))
}

/// What runs guests.
///
/// # Errors
/// If the limits make no sense, or the compiled cache cannot be opened.
pub(crate) fn runtime(settings: &Settings, keep: CachePolicy) -> Result<Runtime, CliError> {
    match keep {
        CachePolicy::Components => Runtime::new(&settings.wasm, Some(&settings.data.join("compiled"))).or_exit(Exit::Machine),
        CachePolicy::CompiledCode => with_cache(settings, Runtime::new),
    }
}

/// What runs guests on any number of threads, where nobody waits for an answer.
///
/// # Errors
/// If the limits make no sense.
pub(crate) fn unpooled_runtime(settings: &Settings) -> Result<Runtime, CliError> {
    with_cache(settings, Runtime::unpooled)
}

/// With the compiled cache of the data folder, if there is one that can be written.
fn with_cache(
    settings: &Settings,
    start: fn(&Limits, Option<&Path>) -> Result<Runtime, LoadError>,
) -> Result<Runtime, CliError> {
    let cache = settings.data.is_dir().then(|| settings.data.join("compiled"));
    match start(&settings.wasm, cache.as_deref()) {
        Err(_) if cache.is_some() => start(&settings.wasm, None).or_exit(Exit::Machine),
        started => started.or_exit(Exit::Machine),
    }
}

/// The name and version of the plugin, and the beginning of its digest.
pub(crate) fn name_of(component: &dyn Component) -> String {
    let manifest = component.manifest();
    format!("{} {} ({})", manifest.name, manifest.version, component.digest().short())
}

/// [`name_of`] a component that was ever live; of another one, as much as is known.
pub(crate) fn name_in(records: &[ComponentRecord], digest: Digest) -> String {
    match records.iter().find(|record| record.digest == digest) {
        Some(ComponentRecord { manifest, .. }) => {
            format!("{} {} ({})", manifest.name, manifest.version, digest.short())
        }
        None => format!("a component that was never live here ({})", digest.short()),
    }
}
