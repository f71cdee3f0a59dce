//! The sources of components, and the store of their bytes.

use std::sync::Arc;

use super::Component;
use crate::Digest;

/// A file of the folder of plugins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    /// The file name, without a path.
    pub name: String,
    /// Size, time of change and inode: changes whenever the file does, as far as the file system reports.
    pub stamp: [u64; 3],
}

/// The reason why the host refuses a file or a component, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// The folder that plugins are dropped into. All calls block.
pub trait PluginSource: Send + Sync {
    /// Lists the `*.wasm` files, sorted by name.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    fn scan(&self) -> Result<Vec<PluginFile>, Refused>;

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// If it cannot be read, leads out of the folder, or is too large.
    fn read(&self, name: &str) -> Result<Vec<u8>, Refused>;

    /// Reads the waiver beside a file, if there is one: `NAME.waiver.toml`.
    ///
    /// # Errors
    /// If it cannot be read.
    fn waiver(&self, name: &str) -> Result<Option<String>, Refused>;
}

/// Turns bytes into a component that can run. All calls block.
pub trait ComponentLoader: Send + Sync {
    /// Checks that the bytes are a whole component, without running any of it.
    ///
    /// # Errors
    /// If they are not.
    fn validate(&self, bytes: &[u8]) -> Result<(), Refused>;

    /// Compiles the component, or takes it from the compiled cache, and reads its manifest.
    ///
    /// # Errors
    /// If it does not fit this host.
    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Component>, Refused>;
}

/// Stores the bytes of every component that was ever live, by digest, for ever. All calls block.
pub trait ComponentStore: Send + Sync {
    /// Stores the bytes durably. Bytes that are already stored stay unchanged.
    ///
    /// # Errors
    /// If they cannot be written.
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused>;

    /// Reads the bytes of a digest, and checks them against it.
    ///
    /// # Errors
    /// If they cannot be read, or are damaged.
    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused>;
}
