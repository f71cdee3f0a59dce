//! The folder of plugins, the runtime and the folder of components, with every call reported and failures to come.

use std::sync::{Arc, Mutex};

use cantus_model::{
    Digest,
    ports::{Component, ComponentLoader, ComponentStore, PluginFile, PluginSource, Refused},
};
use cantus_wasm::{ComponentFolder, PluginFolder, Runtime};
use tokio::sync::watch;

type Listener = Box<dyn FnMut(&'static str) -> Result<(), Refused> + Send>;

/// The three ports of components, instrumented.
pub(crate) struct InstrumentedSource {
    folder: PluginFolder,
    components: ComponentFolder,
    runtime: Runtime,
    listener: Mutex<Listener>,
    scans: watch::Sender<u64>,
}

impl InstrumentedSource {
    pub(crate) fn new(folder: PluginFolder, components: ComponentFolder, runtime: Runtime) -> Self {
        let listener = Mutex::new(Box::new(|_: &'static str| Ok(())) as Listener);
        Self { folder, components, runtime, listener, scans: watch::Sender::new(0) }
    }

    /// Calls `listener` before each call, which may let it fail.
    pub(crate) fn listen(&self, listener: impl FnMut(&'static str) -> Result<(), Refused> + Send + 'static) {
        *self.listener.lock().unwrap() = Box::new(listener);
    }

    /// Count of scans of the folder that were begun.
    pub(crate) fn scans(&self) -> watch::Receiver<u64> {
        self.scans.subscribe()
    }

    fn call(&self, name: &'static str) -> Result<(), Refused> {
        (self.listener.lock().unwrap())(name)
    }
}

impl PluginSource for InstrumentedSource {
    fn scan(&self) -> Result<Vec<PluginFile>, Refused> {
        self.call("scan")?;
        let found = PluginSource::scan(&self.folder);
        self.scans.send_modify(|scans| *scans += 1);
        found
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, Refused> {
        self.call("read")?;
        PluginSource::read(&self.folder, name)
    }

    fn waiver(&self, name: &str) -> Result<Option<String>, Refused> {
        self.call("waiver")?;
        PluginSource::waiver(&self.folder, name)
    }
}

impl ComponentLoader for InstrumentedSource {
    fn validate(&self, bytes: &[u8]) -> Result<(), Refused> {
        self.call("validate")?;
        ComponentLoader::validate(&self.runtime, bytes)
    }

    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Component>, Refused> {
        self.call("load")?;
        ComponentLoader::load(&self.runtime, bytes)
    }
}

impl ComponentStore for InstrumentedSource {
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        self.call("put_component")?;
        self.components.put_component(bytes)
    }

    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        self.call("get_component")?;
        self.components.get_component(digest)
    }
}
