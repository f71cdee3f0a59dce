//! The ports of the folder of plugins, of the runtime and of the folder of components.

use std::sync::Arc;

use cantus_model::{
    Digest,
    ports::{Component, ComponentLoader, ComponentStore, PluginFile, PluginSource, Refused},
};

use crate::{ComponentFolder, LoadError, PluginFolder, Runtime, fault::one_line};

impl PluginSource for PluginFolder {
    fn scan(&self) -> Result<Vec<PluginFile>, Refused> {
        Ok(Self::scan(self)?)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, Refused> {
        Ok(Self::read(self, name)?)
    }

    fn waiver(&self, name: &str) -> Result<Option<String>, Refused> {
        Ok(Self::waiver(self, name)?)
    }
}

impl ComponentLoader for Runtime {
    fn validate(&self, bytes: &[u8]) -> Result<(), Refused> {
        Ok(Self::validate(self, bytes)?)
    }

    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Component>, Refused> {
        Ok(Self::load(self, bytes)?)
    }
}

impl ComponentStore for ComponentFolder {
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        self.put(bytes).map_err(|error| Refused(format!("the folder of components: {error}")))
    }

    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        self.get(digest).map_err(|error| Refused(format!("the folder of components: {error}")))
    }
}

/// Names in a file may be as long as the file: what is said of them is not.
impl From<LoadError> for Refused {
    fn from(error: LoadError) -> Self {
        Self(one_line(&error.to_string()))
    }
}
