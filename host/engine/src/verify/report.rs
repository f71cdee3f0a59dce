//! What a verification found, and what follows from it. Kept with the activation.

use cantus_model::{Digest, ports::Component};
use serde::{Deserialize, Serialize};

use crate::replay::Findings;

/// The report of a verification. It names no time, so that the same history gives the same report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The plugin's name.
    pub plugin: String,
    /// What was verified.
    pub candidate: Named,
    /// What it was compared with, besides the record.
    pub against: Option<Named>,
    /// Why it may not go live; empty if it may.
    pub refused: Vec<String>,
    /// Whether all that was asked for was run; otherwise time was up.
    pub complete: bool,
    /// Recorded commands that were to be decided again; `None` if the verification was turned off.
    #[serde(default)]
    pub recorded: Option<u64>,
    /// What its decisions have in common with those before.
    #[serde(flatten)]
    pub findings: Findings,
    /// Where it failed; the first few.
    pub failures: Vec<Failure>,
    /// Commands, events and aggregates that it no longer declares.
    pub removed: Vec<String>,
}

/// A version of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// As it calls itself.
    pub version: semver::Version,
    /// sha256 of its bytes.
    pub digest: Digest,
}

/// Something that no version may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose stream.
    pub aggregate: String,
    /// On which command, if it was one.
    pub command_id: Option<String>,
    /// What happened.
    pub message: String,
}

impl Report {
    /// Whether the candidate may go live.
    pub fn is_allowed(&self) -> bool {
        self.refused.is_empty()
    }

    /// Commands that were decided again and compared.
    pub fn checked(&self) -> u64 {
        self.findings.reached()
    }

    /// How much of history was run, for people.
    pub fn coverage(&self) -> String {
        match self.recorded {
            None if self.findings.commands == 0 => "no recorded commands were run: verify.commands is 0".to_owned(),
            None => format!("{} recorded commands checked", self.checked()),
            Some(0) => "no recorded commands to run".to_owned(),
            Some(recorded) => format!("{} of {recorded} recorded commands checked", self.checked()),
        }
    }

    /// Commands whose decision differs.
    pub fn differing(&self) -> u64 {
        self.findings.commands - self.findings.identical
    }
}

impl Named {
    pub(super) fn of(component: &dyn Component) -> Self {
        Self { version: component.manifest().version.clone(), digest: component.digest() }
    }
}
