//! The configuration of repro bundles: their bounds and their destination.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The bounds of repro bundles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReproSettings {
    /// Bundles that are stored; one more replaces the oldest. 0 turns them off.
    pub files: usize,
    /// Bytes of one bundle. The events of a longer stream begin at a snapshot, or are left out.
    pub bytes: usize,
    /// Faults that wait for their bundle; one more gets no bundle.
    pub queue: usize,
}

impl Default for ReproSettings {
    fn default() -> Self {
        Self { files: 50, bytes: 8 << 20, queue: 64 }
    }
}

/// The destination of bundles.
pub trait ReproSink: Send + Sync {
    /// Returns the location of the bundle of that name, which may not be stored yet, for people.
    fn location(&self, name: &str) -> String;

    /// Stores a bundle under its name, whole or not at all, and replaces one of that name. Returns the names of those
    /// that it removed to make room. May block.
    ///
    /// # Errors
    /// The reason why it cannot be written, for people.
    fn store(&self, name: &str, bundle: &[u8]) -> Result<Vec<String>, String>;
}

/// The bounds and the destination of repro bundles.
#[derive(Clone)]
pub struct ReproConfig {
    /// The bounds.
    pub settings: ReproSettings,
    /// The destination.
    pub sink: Arc<dyn ReproSink>,
}
