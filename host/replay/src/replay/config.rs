//! What to replay, and who decides.

use std::sync::{Arc, atomic::AtomicU64};

use cantus_model::{Digest, HistoryQuery, Timestamp};

use super::{components::Components, run_mode::RunMode};

/// What to replay, on what.
pub struct Replay {
    /// Which streams.
    pub query: HistoryQuery,
    /// At most so many commands are decided; those that are only folded do not count.
    pub limit: Option<u64>,
    /// Threads that run guests.
    pub threads: usize,
    /// Who decides, and how.
    pub config: ReplayConfig,
}

/// Who decides, and how.
pub struct ReplayConfig {
    /// The components by digest.
    pub components: Arc<Components>,
    /// Decides instead of the recorded ones.
    pub candidate: Option<Digest>,
    /// Other ways to run the same, which must not matter.
    pub perturbations: Vec<Perturbation>,
    /// Commands before this are only folded.
    pub since: Option<Timestamp>,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
}

/// One way to run what must not matter.
pub struct Perturbation {
    /// For people.
    pub name: String,
    pub(crate) mode: RunMode,
    pub(crate) components: Arc<Components>,
}

/// How far a replay has come.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    /// Commands that were run.
    pub done: AtomicU64,
    /// Commands that there are, if that is known; else 0.
    pub total: AtomicU64,
}
