//! The report of a check of a whole store.

use std::fmt::Display;

use cantus_model::{Digest, LogInfo, ports::StoreError};

use crate::heads::Head;

/// Problems that the report describes; the others are only counted.
const DESCRIBED_PROBLEMS: usize = 100;

/// The report of a check of a whole store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The log's id and number of partitions.
    pub info: LogInfo,
    /// The head of each partition.
    pub heads: Vec<Head>,
    /// Number of snapshots.
    pub snapshots: u64,
    /// Every component that took a decision, in the order of its first one.
    pub deciders: Vec<Digest>,
    /// The first problems, each a sentence.
    pub problems: Vec<String>,
    /// Number of all problems.
    pub problem_count: u64,
}

impl CheckReport {
    pub(crate) fn new(info: LogInfo) -> Self {
        Self { info, heads: Vec::new(), snapshots: 0, deciders: Vec::new(), problems: Vec::new(), problem_count: 0 }
    }

    /// Adds a problem.
    pub fn problem(&mut self, problem: impl Into<String>) {
        self.problem_count += 1;
        if self.problems.len() < DESCRIBED_PROBLEMS {
            self.problems.push(problem.into());
        }
    }

    /// Adds the error that ended the check of `part`, if there is one.
    pub(crate) fn add_error(&mut self, part: impl Display, checked: Result<(), StoreError>) {
        if let Err(error) = checked {
            self.problem(format!("{part}: {error}"));
        }
    }
}
