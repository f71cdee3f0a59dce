//! The use cases: admit a command, decide it, commit it, answer.
//!
//! ```text
//!  Engine::submit ─▶ shard (decides on residents) ─▶ committer (one transaction a batch) ─▶ shard (answers)
//!                      ▲ pages                                        │
//!                   loader ◀──────────────── store ◀──────────────────┘
//! ```
//!
//! It names only the ports of `cantus_model`: no wasmtime, no SQL, no HTTP. A shard is an OS thread and never waits for
//! I/O; the loader, the committer and the snapshot writer are tasks and never run a guest.

mod answer;
mod byte_budget;
mod clock;
mod commit_deadline;
mod commit_queue;
mod committer;
mod engine;
mod fold;
mod job;
mod loader;
mod ownership;
mod plugins;
pub mod registry;
pub mod replay;
pub mod repro;
mod retry;
mod running;
mod settings;
mod shard;
mod sizes;
mod snapshots;
mod stats;
mod stop_signal;
mod verdict;
pub mod verify;
pub mod whatif;

pub use answer::{Answer, CommandError, Decided, Pending};
pub use clock::{Clock, FixedClock, SystemClock};
pub use engine::{Engine, StartError};
pub use fold::{FoldError, Folded, fold};
pub use ownership::OwnedStore;
pub use plugins::{AggregateTwice, Health, HealthCounts, Live};
pub use settings::Settings;
pub use stats::Stats;
pub use stop_signal::StopReason;
