//! The settings of the registry.

use serde::{Deserialize, Serialize};

/// The times at which the registry scans the folder, and the limits of a probation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrySettings {
    /// Milliseconds that a file must be unchanged before it is read.
    pub settle_ms: u64,
    /// Milliseconds between two scans of the folder when the operating system reports no change.
    pub rescan_ms: u64,
    /// Milliseconds that a file must be missing before its plugin is deactivated: replacing a file may remove it
    /// first.
    pub removal_ms: u64,
    /// Faults of a component that went live, beyond twice as many as the one before would have had, after which the
    /// host goes back to that one; 0 never does.
    pub watch_faults: u64,
    /// Milliseconds after it went live in which its faults are counted.
    pub watch_ms: u64,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self { settle_ms: 50, rescan_ms: 500, removal_ms: 1_000, watch_faults: 5, watch_ms: 60_000 }
    }
}
