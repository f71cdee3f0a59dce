//! When the registry looks at the folder of plugins, and how long it watches a swap.

use serde::{Deserialize, Serialize};

/// When the registry looks, and how long it watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrySettings {
    /// Milliseconds that a file must not have changed before it is looked at.
    pub settle_ms: u64,
    /// Milliseconds between two looks when nobody hints that something changed.
    pub rescan_ms: u64,
    /// Milliseconds that a file must be gone before its plugin is: who replaces a file may remove it first.
    pub removal_ms: u64,
    /// Faults of a component that went live, beyond twice as many as the one before would have had, after which the host goes
    /// back to that one; 0 never does.
    pub watch_faults: u64,
    /// Milliseconds after it went live in which they are counted.
    pub watch_ms: u64,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self { settle_ms: 50, rescan_ms: 500, removal_ms: 1_000, watch_faults: 5, watch_ms: 60_000 }
    }
}
