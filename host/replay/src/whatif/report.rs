//! The report of a what-if: two timelines side by side.

use cantus_model::{AggregateRef, Digest, Timestamp};
use serde::Serialize;

use crate::replay::{DecisionChange, JsonText};

/// The result of a what-if. The same history and the same query give the same report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timelines {
    /// The aggregate.
    pub aggregate: AggregateRef,
    /// The part that both have in common.
    pub common_prefix: CommonPrefix,
    /// The part after that.
    pub divergence: Divergence,
    /// The end of the recorded timeline.
    pub before: TimelineEnd,
    /// The end of the new timeline.
    pub now: TimelineEnd,
}

/// The common part of two timelines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CommonPrefix {
    /// Count of commands.
    pub commands: u64,
    /// The stream version after them.
    pub version: u64,
    /// The id of the last of them.
    pub last_command: Option<String>,
    /// The time of the branch point, at which commands that were never recorded are decided.
    pub now: Timestamp,
}

/// The part of two timelines after the branch point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// Counts of all commands.
    pub commands: StepCounts,
    /// Counts of all events.
    pub events: StepCounts,
    /// The commands, in order, up to the limit of the query.
    pub steps: Vec<TimelineStep>,
    /// Commands that are counted but not among the steps.
    pub left_out: u64,
}

/// The difference between two timelines at one command or event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepMark {
    /// It is the same in both timelines, to the byte.
    Unchanged,
    /// It is in both, but differs.
    Changed,
    /// It is only in the new one.
    Added,
    /// It is only in the recorded one.
    Removed,
}

/// Counts by [`StepMark`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StepCounts {
    /// [`StepMark::Unchanged`].
    pub unchanged: u64,
    /// [`StepMark::Changed`].
    pub changed: u64,
    /// [`StepMark::Added`].
    pub added: u64,
    /// [`StepMark::Removed`].
    pub removed: u64,
}

/// One command in both timelines, or in one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineStep {
    /// The difference in the command itself, its outcome and its events.
    pub mark: StepMark,
    /// Its id.
    pub command_id: String,
    /// If both timelines decided it differently: how the decisions differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<DecisionChange>,
    /// The recorded command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<TimelineSide>,
    /// The command in the new timeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<TimelineSide>,
    /// The differences in its events, in order.
    pub events: Vec<EventStep>,
}

/// One event in both timelines, or in one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EventStep {
    /// The difference in its name, schema version and payload.
    pub mark: StepMark,
    /// Its recorded stream version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Its stream version in the new timeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<u64>,
}

/// One command in one timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineSide {
    /// The stream version on which it was decided.
    pub version: u64,
    /// The time at which it was decided.
    pub now: Timestamp,
    /// The command's name.
    pub command: String,
    /// The version of its schema; `None` if there is no such command.
    pub command_version: Option<u32>,
    /// Its payload; a long one is shortened.
    pub payload: JsonText,
    /// `accepted` with its events, `rejected`, `undecided`, or a `fault`.
    pub decision: JsonText,
    /// The component that decided.
    pub component: Digest,
}

/// The end of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEnd {
    /// Its stream version.
    pub version: u64,
    /// The component that folded the state.
    pub component: Digest,
    /// The state, in the plugin's payload format; or the reason why there is none.
    pub state: Result<Vec<u8>, String>,
}

impl StepCounts {
    pub(super) fn add(&mut self, mark: StepMark) {
        *match mark {
            StepMark::Unchanged => &mut self.unchanged,
            StepMark::Changed => &mut self.changed,
            StepMark::Added => &mut self.added,
            StepMark::Removed => &mut self.removed,
        } += 1;
    }
}

impl Divergence {
    /// Adds a step, or only counts it if there are `limit` steps already.
    pub(super) fn add(&mut self, step: TimelineStep, limit: usize) {
        self.commands.add(step.mark);
        step.events.iter().for_each(|event| self.events.add(event.mark));
        match self.steps.len() < limit {
            true => self.steps.push(step),
            false => self.left_out += 1,
        }
    }
}
