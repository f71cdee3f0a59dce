//! What a replay found.

use cantus_model::Digest;
use serde::Serialize;

use super::{FindingExample, Findings, MissingComponent};

/// The report of a replay. It names no time and no thread: the same history gives the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// The component that decided again, if it was not the recorded one.
    pub candidate: Option<Digest>,
    /// What its decisions have in common with the recorded ones.
    #[serde(flatten)]
    pub findings: Findings,
    /// Commands that were only folded: they lie before `since`.
    pub folded_only: u64,
    /// The same by kind of command.
    pub kinds: Vec<KindReport>,
    /// Where all streams end.
    pub states: EndStates,
    /// What other ways of running it found, that must not matter.
    pub perturbations: Vec<PerturbationReport>,
    /// Components that decided, and are not there to decide again.
    pub missing: Vec<MissingComponent>,
}

/// All commands of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindReport {
    /// `Flight.Depart v1`.
    pub command: String,
    /// How many.
    pub commands: u64,
    /// Those whose decision is the same to the byte.
    pub identical: u64,
    /// Fuel that the recorded components used to decide them; `None` if one of them is not there.
    pub fuel_recorded: Option<u64>,
    /// Fuel that the candidate used, if there is one.
    pub fuel_candidate: Option<u64>,
}

/// The states in which the streams end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndStates {
    /// One digest of all of them, as the component under replay has them.
    pub digest: Digest,
    /// Streams whose state differs from the one that the recorded component comes to, as far as it is there.
    pub differing: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// What one perturbation found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PerturbationReport {
    /// What was different.
    pub name: String,
    /// Commands and states that came out differently.
    pub differing: u64,
    /// The first of them; `before` is the usual mode.
    pub examples: Vec<FindingExample>,
}

impl ReplayReport {
    /// Commands whose decision differs and is not waived, states that perturbations found and components that are
    /// missing apart.
    pub fn differing(&self) -> u64 {
        self.findings.groups.iter().filter(|group| group.waived.is_none()).map(|group| group.count).sum()
    }

    /// Whether everything came out as it was recorded, or as a waiver allows, however it was run.
    pub fn is_clean(&self) -> bool {
        self.differing() == 0 && self.perturbations.iter().all(|perturbation| perturbation.differing == 0)
    }
}
