//! The use cases: admit a command, decide it, commit it, answer.
//!
//! ```text
//!  Engine::submit ─▶ shard (decides on residents) ─▶ committer (one transaction a batch) ─▶ shard (answers)
//!                      ▲ pages                                        │
//!                   loader ◀──────────────── store ◀──────────────────┘
//! ```
//!
//! It names only the ports of `cantus_model`: no wasmtime, no SQL, no HTTP. A shard is an OS thread and never waits
//! for I/O; the loader, the committer and the snapshot writer never run a guest.

mod byte_budget;
mod clock;
mod commit_deadline;
mod commit_queue;
mod committer;
mod engine;
mod engine_tasks;
mod job;
mod loaded_part;
mod loader;
mod ownership;
mod pending_answer;
pub mod registry;
pub mod repro;
mod settings;
mod shard;
mod shard_message;
mod sizes;
mod snapshots;
mod start_error;
mod stats;
mod stop_signal;
mod store_timeout;
mod submission;

pub use clock::{Clock, FixedClock, SystemClock};
pub use engine::{Engine, EngineParts};
pub use ownership::Ownership;
pub use pending_answer::PendingAnswer;
pub use settings::EngineSettings;
pub use start_error::StartError;
pub use stats::Stats;
pub use stop_signal::StopReason;
