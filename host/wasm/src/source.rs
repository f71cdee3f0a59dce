//! Where the registry gets components from, and where it keeps them.

use std::sync::Arc;

use cantus_model::{
    Digest,
    ports::{Component, PluginFile, PluginSource, Refusal},
};

use crate::{ComponentStore, LoadError, PluginFolder, Runtime, fault::one_line};

/// A drop folder, a component store, and the runtime that makes something of both.
pub struct FolderSource {
    folder: PluginFolder,
    components: ComponentStore,
    runtime: Arc<Runtime>,
}

impl FolderSource {
    /// Puts the three together.
    pub fn new(folder: PluginFolder, components: ComponentStore, runtime: Arc<Runtime>) -> Self {
        Self { folder, components, runtime }
    }
}

impl PluginSource for FolderSource {
    fn scan(&self) -> Result<Vec<PluginFile>, Refusal> {
        Ok(self.folder.scan()?)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, Refusal> {
        Ok(self.folder.read(name)?)
    }

    fn waiver(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.folder.waiver(name)?)
    }

    fn validate(&self, bytes: &[u8]) -> Result<(), Refusal> {
        Ok(self.runtime.validate(bytes)?)
    }

    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Component>, Refusal> {
        Ok(self.runtime.load(bytes)?)
    }

    fn keep(&self, bytes: &[u8]) -> Result<Digest, Refusal> {
        self.components.put(bytes).map_err(|error| Refusal(format!("the component store: {error}")))
    }

    fn kept(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refusal> {
        self.components.get(digest).map_err(|error| Refusal(format!("the component store: {error}")))
    }
}

/// Names in a file may be as long as the file: what is said of them is not.
impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        Self(one_line(&error.to_string()))
    }
}
