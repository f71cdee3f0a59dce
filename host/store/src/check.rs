//! What a check of a whole store found.

use cantus_model::{Digest, LogInfo};

use crate::Head;

/// Problems that are described; the others are counted.
const DESCRIBED: usize = 100;

/// What a check of a whole store found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Which log it is.
    pub info: LogInfo,
    /// How far each partition has come.
    pub heads: Vec<Head>,
    /// Count of snapshots.
    pub snapshots: u64,
    /// Every component that took a decision, in the order of its first one.
    pub deciders: Vec<Digest>,
    /// The first problems, each a sentence.
    pub problems: Vec<String>,
    /// Count of all problems.
    pub problem_count: u64,
}

impl CheckReport {
    pub(crate) fn new(info: LogInfo) -> Self {
        Self { info, heads: Vec::new(), snapshots: 0, deciders: Vec::new(), problems: Vec::new(), problem_count: 0 }
    }

    /// Notes a problem.
    pub fn problem(&mut self, problem: impl Into<String>) {
        self.problem_count += 1;
        if self.problems.len() < DESCRIBED {
            self.problems.push(problem.into());
        }
    }
}
