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
//! | `plugin`, `plugin_version`, `component` | the component that faulted: `component` is the sha256 of its bytes, which are not in the file |
//! | `aggregate` | `aggregate_type` and `id` |
//! | `version` | the stream version of the state on which it faulted |
//! | `snapshot` | a `state` of the same component and its `version`, from which the state may be restored. May be absent |
//! | `after` | the events begin after this version: 0, or the snapshot's |
//! | `events` | `name`, `version` (of the schema) and `payload` of each, oldest first, up to `version` |
//! | `command` | `name`, `version`, `payload` and `context` of the command; absent if it faulted in another call |
//! | `fault` | `kind`, `call`, `message` and `backtrace`, innermost frame first |
//! | `incomplete` | the reason why it cannot be run. Usually absent |
//! | `shortened_from` | the count of events before some were removed. Then their versions have no meaning |
//!
//! Payloads and states are exact bytes: a string if they are UTF-8, otherwise `{"hex": "…"}`. A person may edit the
//! file.

mod bundle;
mod rerun;
mod shorten;

pub use bundle::{Bundle, BundleCommand, BundleError, BundleFault, BundleSnapshot, EventBody};
pub use rerun::{BundleRerun, BundleRun, RerunError, RerunOutcome, StartingState, normalized_words};
pub use shorten::{ShortenedBundle, shorten};
