//! How many repro bundles are kept, and where.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReproSettings {
    /// Bundles that are kept; the oldest goes. 0: none are made.
    pub files: usize,
    /// Bytes of one bundle. Longer streams begin with a snapshot, or are left out.
    pub bytes: usize,
    /// Faults that wait for their bundle; one more gets none.
    pub queue: usize,
}

impl Default for ReproSettings {
    fn default() -> Self {
        Self { files: 50, bytes: 8 << 20, queue: 64 }
    }
}

/// Where bundles are kept.
pub trait ReproSink: Send + Sync {
    /// Where the bundle of that name is, or will be, for people.
    fn place(&self, name: &str) -> String;

    /// Keeps a bundle under its name, whole or not at all, in place of one of that name. Names those that it removed
    /// to make room. May block.
    ///
    /// # Errors
    /// If it cannot be written, for people.
    fn keep(&self, name: &str, bundle: &[u8]) -> Result<Vec<String>, String>;
}

/// What an engine does about faults.
#[derive(Clone)]
pub struct ReproConfig {
    /// How much.
    pub settings: ReproSettings,
    /// Where to.
    pub sink: Arc<dyn ReproSink>,
}
