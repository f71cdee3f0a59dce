//! What the registry asks of the folder of plugins and of the component store. All of it blocks.

use std::sync::Arc;

use super::Component;
use crate::Digest;

/// A file of the folder, as a look at it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    /// Its name, without a path.
    pub name: String,
    /// Changes whenever the file does, as far as the file system says: size, time of change, inode.
    pub stamp: [u64; 3],
}

/// Why a file is not taken, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Where components come from and where they are kept.
pub trait PluginSource: Send + Sync {
    /// The `*.wasm` files of the folder, sorted by name.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    fn scan(&self) -> Result<Vec<PluginFile>, Refusal>;

    /// The bytes of one of them.
    ///
    /// # Errors
    /// If it cannot be read, leads out of the folder, or is too large.
    fn read(&self, name: &str) -> Result<Vec<u8>, Refusal>;

    /// The text of the waiver that lies beside a file, if there is one: `NAME.waiver.toml`.
    ///
    /// # Errors
    /// If it cannot be read.
    fn waiver(&self, name: &str) -> Result<Option<String>, Refusal>;

    /// Checks that the bytes are a whole component, without running any of it.
    ///
    /// # Errors
    /// If they are not.
    fn validate(&self, bytes: &[u8]) -> Result<(), Refusal>;

    /// Compiles it, or takes it from the compiled cache, and asks it what it is.
    ///
    /// # Errors
    /// If it does not fit this host.
    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Component>, Refusal>;

    /// Keeps the bytes for ever, durably.
    ///
    /// # Errors
    /// If they cannot be written.
    fn keep(&self, bytes: &[u8]) -> Result<Digest, Refusal>;

    /// The bytes that were kept under a digest.
    ///
    /// # Errors
    /// If they cannot be read or are damaged.
    fn kept(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refusal>;
}
