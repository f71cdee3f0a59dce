//! How much of history a verification runs.

use serde::{Deserialize, Serialize};

/// How much of history is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifySettings {
    /// Recorded commands that are decided again, the newest; 0 turns it off.
    pub commands: usize,
    /// Of those, the ones that must have been decided again before a candidate may go live; all, if they are fewer.
    pub min_commands: usize,
    /// Milliseconds after which it ends with what it has seen, and says so.
    pub time_ms: u64,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self { commands: 1_000, min_commands: 100, time_ms: 10_000 }
    }
}
