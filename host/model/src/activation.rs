//! Which component is live for a plugin name, and how that came to be.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Manifest, Timestamp};

/// The recorded act of making another component live for a plugin name, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Its place in the log of activations, from 1, without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The plugin's name.
    pub plugin: String,
    /// What brought it about.
    pub cause: ActivationCause,
    /// What was live before, if anything was.
    pub from: Option<Digest>,
    /// What is live from here on; `None` if nothing is.
    pub to: Option<Digest>,
    /// Who: a person, or the file in the folder of plugins.
    pub who: String,
    /// Why, for people.
    pub why: String,
    /// The report of the verification before it, as JSON, if there was one.
    pub report: Option<String>,
}

/// What brought an [`Activation`] about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationCause {
    /// A file was dropped into the folder of plugins.
    Dropped,
    /// The file was taken out of it.
    Removed,
    /// A person named the component.
    Activated,
    /// A person went back to what was live before.
    RolledBack,
    /// It faulted too often after it went live, so the host went back by itself.
    Faulted,
}

impl ActivationCause {
    /// As it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Removed => "removed",
            Self::Activated => "activated",
            Self::RolledBack => "rolled-back",
            Self::Faulted => "faulted",
        }
    }

    /// What [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Dropped, Self::Removed, Self::Activated, Self::RolledBack, Self::Faulted];
        all.into_iter().find(|cause| cause.as_str() == text)
    }

    /// Whether it was decided against what it displaced: that does not come back by lying in the folder.
    pub const fn bars_what_was(self) -> bool {
        matches!(self, Self::Activated | Self::RolledBack | Self::Faulted)
    }
}

impl fmt::Display for ActivationCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A component that was live at some time. Its bytes are in the component store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentRecord {
    /// sha256 of its bytes. One name and version has one digest for ever.
    pub digest: Digest,
    /// What it says of itself.
    pub manifest: Manifest,
    /// When it was first made live.
    pub first_seen: Timestamp,
}
