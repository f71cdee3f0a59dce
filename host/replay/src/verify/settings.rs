//! The settings of verifications.

use serde::{Deserialize, Serialize};

/// The share of history that a verification runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifySettings {
    /// Count of the newest recorded commands that are decided again; 0 turns verification off.
    pub commands: usize,
    /// Count of those that must have been decided again before a candidate may go live; all, if there are fewer.
    pub min_commands: usize,
    /// Milliseconds after which it ends with the findings so far, and reports that it is incomplete.
    pub time_ms: u64,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self { commands: 1_000, min_commands: 100, time_ms: 10_000 }
    }
}
