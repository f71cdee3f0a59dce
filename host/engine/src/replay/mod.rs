//! Executes recorded history again. Folding goes on along the *recorded* events, so one difference never cascades.
//!
//! `run` reads history in blocks of whole streams, `block` runs one of them, an `actor` is one way to run it, and a
//! `runner` one component in it, in a `way`; `restore` makes its instance again from a snapshot; `kept` are events for those
//! that join late. `compare` and `findings` say what came out; verification uses those as well.

mod actor;
mod block;
mod compare;
mod components;
mod findings;
mod json_text;
mod kept;
mod perturb;
mod report;
mod restore;
mod run;
mod runner;
mod way;

pub use compare::Change;
pub(crate) use compare::{Decision, compare, payload_json};
pub use components::{Components, Find, Missing};
pub(crate) use findings::Gathering;
pub use findings::{Example, Findings, Group};
pub use json_text::JsonText;
pub(crate) use kept::Kept;
pub use perturb::perturbations;
pub use report::{KindReport, PerturbationReport, ReplayReport, States};
pub use run::{Cast, Perturbation, Progress, Replay, replay};
pub(crate) use runner::{Redecided, Runner};
pub(crate) use way::{Instances, Restores, Way};

/// Runs guests whose output is nobody's log: it was printed when it happened, or never happens.
pub(crate) fn quietly<T>(run: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), run)
}
