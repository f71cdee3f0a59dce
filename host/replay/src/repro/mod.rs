//! Repro bundles: one file with everything that is needed to reproduce a guest's fault away from the host in which it
//! happened, except the component.
//!
//! The engine writes the file when a guest faults. [`BundleRerun`] runs a bundle in a fresh sandbox, and [`shorten()`]
//! finds the events that the fault needs.
//!
//! # The file
//! One JSON object in UTF-8. The same fault gives the same bytes: the only time in it is the command's own.
//!
//! | field | what it is |
//! |---|---|
//! | `cantus_repro` | the version of this format: 1. A newer one is refused |
//! | `plugin`, `plugin_version`, `component` | who faulted; `component` is the sha256 of its bytes, which are not in the file |
//! | `aggregate` | `aggregate_type` and `id` |
//! | `version` | the stream version of the state that it faulted on |
//! | `snapshot` | a `state` and its `version`: of the same component, from which the state may be restored. May be absent |
//! | `after` | the events begin after this version: 0, or the snapshot's |
//! | `events` | `name`, `version` (of the schema) and `payload` of each, oldest first, up to `version` |
//! | `command` | `name`, `version`, `payload` and `context` of what was asked; absent if it faulted without being asked |
//! | `fault` | `kind`, `call`, `message` and `backtrace`, innermost frame first |
//! | `incomplete` | why it cannot be run: something is missing. Most often absent |
//! | `shortened_from` | how many events there were before some were taken out. Then their versions say nothing |
//!
//! Payloads and states are exact bytes: a string if they are UTF-8, otherwise `{"hex": "…"}`. A person may edit the
//! file.

mod bundle;
mod rerun;
mod shorten;

pub use bundle::{Bundle, BundleCommand, BundleError, BundleFault, BundleSnapshot, EventBody};
pub use rerun::{BundleRerun, BundleRun, RerunError, RerunOutcome, StartingState, normalized_words};
pub use shorten::{ShortenedBundle, shorten};
