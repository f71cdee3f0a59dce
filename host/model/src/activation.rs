//! Activations: which component is live for a plugin name, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Manifest, Timestamp};

/// A recorded change of the component that is live for a plugin name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Its number in the log of activations, from 1, without gaps.
    pub seq: u64,
    /// The time of the change.
    pub at: Timestamp,
    /// The plugin's name.
    pub plugin: String,
    /// Its cause.
    pub cause: ActivationCause,
    /// The component that was live before, if there was one.
    pub from: Option<Digest>,
    /// The component that is live from here on; `None` if there is none.
    pub to: Option<Digest>,
    /// The author: a person, or the file in the folder of plugins.
    pub who: String,
    /// The reason, for people.
    pub why: String,
    /// The report of the verification that preceded it, as JSON, if there was one.
    pub report: Option<String>,
}

/// The cause of an [`Activation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationCause {
    /// A file was dropped into the folder of plugins.
    Dropped,
    /// The file was removed from it.
    Removed,
    /// A person named the component.
    Activated,
    /// A person went back to the component that was live before.
    RolledBack,
    /// The component faulted too often after it went live, so the host went back by itself.
    Faulted,
}

impl ActivationCause {
    /// The name that is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Removed => "removed",
            Self::Activated => "activated",
            Self::RolledBack => "rolled-back",
            Self::Faulted => "faulted",
        }
    }

    /// Parses the name that [`Self::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Dropped, Self::Removed, Self::Activated, Self::RolledBack, Self::Faulted];
        all.into_iter().find(|cause| cause.as_str() == text)
    }

    /// Reports whether the change is a decision against the previous component, so that its file does not make it
    /// live again.
    pub const fn excludes_previous(self) -> bool {
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
    /// The manifest that it declares.
    pub manifest: Manifest,
    /// The time at which it first went live.
    pub first_seen: Timestamp,
}
