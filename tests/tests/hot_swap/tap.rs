//! The folder of plugins and the component store as they are, with an ear at every call and failures to come.

use std::sync::{Arc, Mutex};

use cantus_model::{
    Digest,
    ports::{Component, PluginFile, PluginSource, Refused},
};
use cantus_wasm::FolderSource;
use tokio::sync::watch;

type Listener = Box<dyn FnMut(&'static str) -> Result<(), Refused> + Send>;

/// A folder source that tells what it is asked.
pub(crate) struct Tap {
    inner: FolderSource,
    listener: Mutex<Listener>,
    scans: watch::Sender<u64>,
}

impl Tap {
    pub(crate) fn new(inner: FolderSource) -> Self {
        Self { inner, listener: Mutex::new(Box::new(|_| Ok(()))), scans: watch::Sender::new(0) }
    }

    /// Hears every call before it is done, and may let it fail.
    pub(crate) fn listen(&self, listener: impl FnMut(&'static str) -> Result<(), Refused> + Send + 'static) {
        *self.listener.lock().unwrap() = Box::new(listener);
    }

    /// How many looks at the folder were begun.
    pub(crate) fn scans(&self) -> watch::Receiver<u64> {
        self.scans.subscribe()
    }

    fn call(&self, name: &'static str) -> Result<(), Refused> {
        (self.listener.lock().unwrap())(name)
    }
}

impl PluginSource for Tap {
    fn scan(&self) -> Result<Vec<PluginFile>, Refused> {
        self.call("scan")?;
        let found = self.inner.scan();
        self.scans.send_modify(|scans| *scans += 1);
        found
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, Refused> {
        self.call("read")?;
        self.inner.read(name)
    }

    fn waiver(&self, name: &str) -> Result<Option<String>, Refused> {
        self.call("waiver")?;
        self.inner.waiver(name)
    }

    fn validate(&self, bytes: &[u8]) -> Result<(), Refused> {
        self.call("validate")?;
        self.inner.validate(bytes)
    }

    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Component>, Refused> {
        self.call("load")?;
        self.inner.load(bytes)
    }

    fn keep(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        self.call("keep")?;
        self.inner.keep(bytes)
    }

    fn kept(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        self.call("kept")?;
        self.inner.kept(digest)
    }
}
