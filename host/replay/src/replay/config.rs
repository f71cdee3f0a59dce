//! The request for a replay, and its configuration.

use std::sync::{Arc, atomic::AtomicU64};

use cantus_model::{Digest, HistoryQuery, Timestamp};

use super::{components::Components, run_mode::RunMode};

/// A request for a replay.
pub struct Replay {
    /// The streams to replay.
    pub query: HistoryQuery,
    /// The maximum count of commands that are decided; those that are only folded do not count.
    pub limit: Option<u64>,
    /// Threads that run guests.
    pub threads: usize,
    /// The components that decide, and the modes in which they are run.
    pub config: ReplayConfig,
}

/// The components that decide, and the modes in which they are run.
pub struct ReplayConfig {
    /// The components, by digest.
    pub components: Arc<Components>,
    /// The component that decides instead of the recorded ones.
    pub candidate: Option<Digest>,
    /// Ways to run the same history that must not change any decision.
    pub perturbations: Vec<Perturbation>,
    /// Commands before this time are only folded.
    pub since: Option<Timestamp>,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
}

/// A way to run the same history that must not change any decision.
pub struct Perturbation {
    /// The name in reports.
    pub name: String,
    pub(crate) mode: RunMode,
    pub(crate) components: Arc<Components>,
}

/// The progress of a replay.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    /// Count of commands that were run.
    pub done: AtomicU64,
    /// Count of all commands if it is known, otherwise 0.
    pub total: AtomicU64,
}
