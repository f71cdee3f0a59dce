//! Executes recorded history again. Folding goes on along the *recorded* events, so one difference never cascades.

mod compare;
mod findings;
mod runner;

pub use compare::Change;
pub(crate) use compare::{Decision, compare};
pub(crate) use findings::Gathering;
pub use findings::{Example, Findings, Group};
pub(crate) use runner::{Instances, Redecided, Runner, Way};
