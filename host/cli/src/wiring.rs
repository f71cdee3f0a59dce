//! The one place where the parts meet: opens the store, loads the plugins, starts the engine.

use std::{path::Path, sync::Arc};

use cantus_engine::{Engine, StartError, Stats, SystemClock};
use cantus_model::{
    Digest,
    ports::{Component, Store},
};
use cantus_wasm::{ComponentStore, LoadError, PluginFolder, Runtime};

use crate::{
    exit_codes::{Exit, Failure, OrExit},
    settings::Settings,
};

/// A running host.
pub(crate) struct Host {
    /// Decides commands.
    pub(crate) engine: Arc<Engine>,
}

impl Host {
    /// Answers everything that was admitted, then stops.
    pub(crate) async fn stop(self) -> Stats {
        self.engine.shutdown().await;
        self.engine.stats()
    }
}

/// Starts a host on the plugins of the folder and the store, which is made if it is missing.
///
/// # Errors
/// If a plugin is refused, or the store cannot be written.
pub(crate) async fn start(settings: &Settings) -> Result<Host, Failure> {
    let components = load_plugins(settings, Keep::Components)?;
    check_sandboxes(settings, components.len())?;
    let store = cantus_store::open(&settings.store).await.or_exit(Exit::Store)?;
    let engine = Engine::start(settings.engine.clone(), store, components, Arc::new(SystemClock)).await;
    let engine = engine.map_err(|error| match error {
        StartError::Store(error) => Failure::new(Exit::Store, error),
        StartError::AggregateTwice { .. } => Failure::new(Exit::Plugin, error),
        StartError::Thread(_) => Failure::new(Exit::Machine, error),
    });
    Ok(Host { engine: Arc::new(engine?) })
}

/// Each shard needs a sandbox for each plugin, and its places in quarantine.
fn check_sandboxes(settings: &Settings, plugins: usize) -> Result<(), Failure> {
    let needed = settings.engine.shards.saturating_mul(plugins + settings.engine.quarantine_sandboxes);
    if needed <= settings.wasm.sandboxes as usize {
        return Ok(());
    }
    let message = format!(
        "wasm.sandboxes is {}, but {} shards with {plugins} plugins and {} places in quarantine need {needed}: raise it, or \
         lower engine.shards or engine.quarantine_sandboxes",
        settings.wasm.sandboxes, settings.engine.shards, settings.engine.quarantine_sandboxes
    );
    Err(Failure::new(Exit::Usage, message))
}

/// Opens the store for reading only. It is not made if it is missing.
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) async fn open_to_read(settings: &Settings) -> Result<Arc<dyn Store>, Failure> {
    cantus_store::open_read_only(&settings.store).await.or_exit(Exit::Store)
}

/// What the host keeps of the plugins that it loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The components themselves, because they are about to decide, and their compiled code.
    Components,
    /// The compiled code, if there is a data folder already.
    CompiledCode,
}

/// Loads every plugin of the folder, in the order of the file names.
///
/// # Errors
/// If the folder is missing or empty, or one of them is refused: all that are refused are named.
pub(crate) fn load_plugins(settings: &Settings, keep: Keep) -> Result<Vec<Arc<dyn Component>>, Failure> {
    let path = settings.plugins.as_path();
    let nothing = || {
        let advice = "put one there with `cantus plugin build DIR`, or name another folder with --plugins";
        Failure::new(Exit::Plugin, format!("there is no plugin in {}: {advice}", path.display()))
    };
    if !path.exists() {
        return Err(nothing());
    }
    let folder = PluginFolder::open(path, settings.wasm.component_bytes).or_exit(Exit::Plugin)?;
    let names = folder.names().or_exit(Exit::Plugin)?;
    if names.is_empty() {
        return Err(nothing());
    }
    let runtime = runtime(settings, keep)?;
    let components = (keep == Keep::Components).then(|| component_store(settings)).transpose()?;
    let (mut loaded, mut refused) = (Vec::new(), Vec::new());
    for name in names {
        let bytes = folder.read(&name);
        match bytes.and_then(|bytes| Ok((runtime.load(&bytes)?, bytes))) {
            Ok((component, bytes)) => {
                let kept = components.as_ref().map(|store| store.put(&bytes)).transpose();
                kept.or_exit_while(Exit::Machine, || format!("keeping {name} in the data folder"))?;
                loaded.push(component);
            }
            Err(error) => refused.push(format!("\n  {}: {error}", path.join(&name).display())),
        }
    }
    if refused.is_empty() {
        Ok(loaded)
    } else {
        Err(Failure::new(Exit::Plugin, format!("refused as plugins:{}", refused.concat())))
    }
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
pub(crate) fn load_file(settings: &Settings, path: &Path) -> Result<LoadedFile, Failure> {
    let doing = || path.display().to_string();
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let read = PluginFolder::open(folder, settings.wasm.component_bytes).and_then(|folder| folder.read(&name));
    let bytes = read.map_err(|error| match error {
        error @ LoadError::Unreadable(_) => Failure::new(Exit::Usage, format!("{}: {error}", doing())),
        error => Failure::new(Exit::Plugin, format!("{}: {error}", doing())),
    })?;
    let runtime = runtime(settings, Keep::CompiledCode)?;
    let component = runtime.load(&bytes).or_exit_while(Exit::Plugin, doing)?;
    let imports = runtime.imports(&bytes).or_exit_while(Exit::Plugin, doing)?;
    Ok(LoadedFile { component, imports, bytes })
}

fn runtime(settings: &Settings, keep: Keep) -> Result<Runtime, Failure> {
    let cache = settings.data.join("compiled");
    let cache = (keep == Keep::Components || settings.data.is_dir()).then_some(cache.as_path());
    Runtime::new(&settings.wasm, cache).or_exit(Exit::Machine)
}

fn component_store(settings: &Settings) -> Result<ComponentStore, Failure> {
    let path = settings.data.join("components");
    ComponentStore::open(&path).or_exit_while(Exit::Machine, || format!("the folder {}", path.display()))
}

/// The component that hosts an aggregate type.
///
/// # Errors
/// If none does: those that are hosted are named.
pub(crate) fn hosting(components: &[Arc<dyn Component>], aggregate: &str) -> Result<Arc<dyn Component>, Failure> {
    let found = components.iter().find(|component| component.manifest().aggregate(aggregate).is_some());
    found.cloned().ok_or_else(|| {
        let manifests = components.iter().map(|component| component.manifest());
        let hosted = manifests.flat_map(|manifest| manifest.aggregates.iter().map(|kind| kind.name.as_str()));
        let hosted: Vec<&str> = hosted.collect();
        Failure::new(
            Exit::Usage,
            format!("no plugin hosts the aggregate {aggregate}; there are: {}", hosted.join(", ")),
        )
    })
}

/// The name and version of the plugin, and the beginning of its digest.
pub(crate) fn name_of(component: &dyn Component) -> String {
    let manifest = component.manifest();
    let digest: Digest = component.digest();
    format!("{} {} ({})", manifest.name, manifest.version, digest.short())
}
