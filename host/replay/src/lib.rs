//! Runs components on recorded history, away from the pipeline: nothing here can write.
//!
//! - [`fold()`] folds the state of one aggregate.
//! - [`replay`] decides recorded commands again and reports every difference.
//! - [`verify`] runs recent history on a candidate and judges it by semver.
//! - [`whatif`] runs one aggregate on another timeline.
//! - [`repro`] runs the fault in a bundle again, and shortens the bundle.
//!
//! It names only the ports of `cantus_model`. The engine calls [`verify`] before a component goes live, and writes
//! the bundles of [`repro`].

mod fold;
pub mod replay;
pub mod repro;
mod retry;
pub mod verify;
pub mod whatif;
mod without_logging;

pub use fold::{FoldError, FoldedState, fold};
pub use retry::retry;
