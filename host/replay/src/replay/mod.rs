//! Decides recorded history again. Every stream is folded along its *recorded* events, so one difference never
//! cascades.
//!
//! `run` reads history in blocks of whole streams, `block` runs one of them, a `variant` is one way to run it, and a
//! `runner` is one component in it, in a `run_mode`; `restore` restores its instance from a snapshot; `event_buffer`
//! retains events for components that join late. `compare` and `findings` describe the differences; verification uses
//! those as well.

mod block;
mod compare;
mod components;
mod config;
mod event_buffer;
mod findings;
mod json_text;
mod perturb;
mod report;
mod restore;
mod run;
mod run_mode;
mod runner;
mod variant;

pub use compare::DecisionChange;
pub(crate) use compare::{ReportedDecision, compare, payload_json};
pub use components::{ComponentFinder, Components, MissingComponent};
pub use config::{Perturbation, Replay, ReplayConfig, ReplayProgress};
pub(crate) use event_buffer::EventBuffer;
pub(crate) use findings::FindingsCollector;
pub use findings::{FindingExample, FindingGroup, Findings};
pub use json_text::JsonText;
pub use perturb::perturbations;
pub use report::{EndStates, KindReport, PerturbationReport, ReplayReport};
pub use run::replay;
pub(crate) use run_mode::{InstancePlacement, RestoreSchedule, RunMode};
pub(crate) use runner::{ComponentRunner, ReplayOutcome};
