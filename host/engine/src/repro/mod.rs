//! Repro bundles: what is needed to see a guest's fault again, in one file, away from the host that met it.
//!
//! In the host, a shard witnesses a fault and sends it on; `capture` reads what the store has of the aggregate and hands
//! the finished file to a [`ReproSink`]. The shard never waits for it, and what does not fit the queue is dropped. Later,
//! [`Rerun`] runs a bundle in a fresh sandbox, and [`shorten`] finds the events that it takes.
//!
//! # The file
//! One JSON object, UTF-8. The same fault gives the same bytes: the only time in it is the command's own.
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
//! Payloads and states are the exact bytes: a text if they are UTF-8, else `{"hex": "…"}`. A person may edit the file.

mod bundle;
mod capture;
mod incident;
mod rerun;
mod shorten;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use bundle::{Body, Bundle, BundleCommand, BundleError, BundleFault, BundleSnapshot};
pub(crate) use capture::{Capture, Repros};
pub(crate) use incident::Incident;
pub use rerun::{Came, Rerun, RerunError, Run, Start};
pub use shorten::{Shortened, shorten};

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bundles that are kept; the oldest goes. 0: none are made.
    pub files: usize,
    /// Bytes of one bundle. Longer streams begin with a snapshot, or are left out.
    pub bytes: usize,
    /// Faults that wait for their bundle; one more gets none.
    pub queue: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { files: 50, bytes: 8 << 20, queue: 64 }
    }
}

/// Where bundles are kept.
pub trait ReproSink: Send + Sync {
    /// Where the bundle of that name is, or will be, for people.
    fn place(&self, name: &str) -> String;

    /// Keeps a bundle under its name, whole or not at all, in place of one of that name. Names those that it removed
    /// to make room. May block.
    ///
    /// # Errors
    /// If it cannot be written, for people.
    fn keep(&self, name: &str, bundle: &[u8]) -> Result<Vec<String>, String>;
}

/// What an engine does about faults.
#[derive(Clone)]
pub struct Keep {
    /// How much.
    pub settings: Settings,
    /// Where to.
    pub sink: Arc<dyn ReproSink>,
}
