//! The report of a replay.

use cantus_model::Digest;
use serde::Serialize;

use super::{FindingExample, Findings, MissingComponent};

/// The report of a replay. It names no time and no thread: the same history gives the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// The component that decided again, if it was not the recorded one.
    pub candidate: Option<Digest>,
    /// The comparison of its decisions with the recorded ones.
    #[serde(flatten)]
    pub findings: Findings,
    /// Count of commands that were only folded, because they are older than `since`.
    pub folded_only: u64,
    /// The comparison by kind of command.
    pub kinds: Vec<KindReport>,
    /// The states in which the streams end.
    pub states: EndStates,
    /// The findings of the perturbations.
    pub perturbations: Vec<PerturbationReport>,
    /// Components that decided, and cannot be loaded to decide again.
    pub missing: Vec<MissingComponent>,
}

/// All commands of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindReport {
    /// The kind of command, for example `Flight.Depart v1`.
    pub command: String,
    /// Count of commands.
    pub commands: u64,
    /// Count of those whose decision is the same to the byte.
    pub identical: u64,
    /// Fuel that the recorded components used to decide them; `None` if one of them cannot be loaded.
    pub fuel_recorded: Option<u64>,
    /// Fuel that the candidate used, if there is one.
    pub fuel_candidate: Option<u64>,
}

/// The states in which the streams end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndStates {
    /// One digest of all states, as the component under replay folds them.
    pub digest: Digest,
    /// Count of streams whose state differs from the state that the recorded component folds, where that can be
    /// loaded.
    pub differing: u64,
    /// The first of these streams.
    pub examples: Vec<String>,
}

/// The findings of one perturbation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PerturbationReport {
    /// The name of the perturbation.
    pub name: String,
    /// Count of commands and states that differ.
    pub differing: u64,
    /// The first examples; `before` is the decision in the usual mode.
    pub examples: Vec<FindingExample>,
}

impl ReplayReport {
    /// Counts commands whose decision differs and is not waived. States, perturbations and missing components are not
    /// counted.
    pub fn differing(&self) -> u64 {
        self.findings.groups.iter().filter(|group| group.waived.is_none()).map(|group| group.count).sum()
    }

    /// Reports whether every decision is as recorded, or as a waiver allows, in every perturbation too.
    pub fn is_clean(&self) -> bool {
        self.differing() == 0 && self.perturbations.iter().all(|perturbation| perturbation.differing == 0)
    }
}
