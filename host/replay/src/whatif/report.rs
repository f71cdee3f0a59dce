//! Two timelines beside each other.

use cantus_model::{AggregateRef, Digest, Timestamp};
use serde::Serialize;

use crate::replay::{DecisionChange, JsonText};

/// What a what-if came to. The same history and the same question give the same report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timelines {
    /// Whose.
    pub aggregate: AggregateRef,
    /// What both have in common.
    pub shared: CommonPrefix,
    /// What came after that.
    pub parted: Divergence,
    /// Where the recorded timeline ends.
    pub before: TimelineEnd,
    /// Where the new one ends.
    pub now: TimelineEnd,
}

/// What two timelines have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CommonPrefix {
    /// Count of commands.
    pub commands: u64,
    /// The stream version that they lead to.
    pub version: u64,
    /// The last of them.
    pub last_command: Option<String>,
    /// When commands that were never recorded are asked: the time of the branch point.
    pub now: Timestamp,
}

/// Two timelines after the branch point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// All commands.
    pub commands: StepCounts,
    /// All their events.
    pub events: StepCounts,
    /// The commands, in order; no more than were asked for.
    pub steps: Vec<TimelineStep>,
    /// Commands that are counted and not among the steps.
    pub left_out: u64,
}

/// What became of a command or an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepMark {
    /// It is in both timelines, to the byte.
    Unchanged,
    /// It is in both, otherwise.
    Changed,
    /// It is only in the new one.
    Added,
    /// It is only in the recorded one.
    Removed,
}

/// How many of each.
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
    /// What became of it: the command itself, its outcome and its events.
    pub mark: StepMark,
    /// Its id.
    pub command_id: String,
    /// If it was decided in both, and otherwise: how the decisions differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<DecisionChange>,
    /// As it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<TimelineSide>,
    /// As it is in the new timeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<TimelineSide>,
    /// What became of its events, in order.
    pub events: Vec<EventStep>,
}

/// One event in both timelines, or in one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EventStep {
    /// What became of it: its name, schema version and payload.
    pub mark: StepMark,
    /// Its stream version as it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Its stream version in the new timeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<u64>,
}

/// One command in one timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineSide {
    /// The stream version that it was decided on.
    pub version: u64,
    /// When it was asked.
    pub now: Timestamp,
    /// The command's name.
    pub command: String,
    /// The version of its schema; `None` if there is no such command.
    pub command_version: Option<u32>,
    /// What was asked; a long one is shortened.
    pub payload: JsonText,
    /// `accepted` with its events, `rejected`, `undecided`, or a `fault`.
    pub decision: JsonText,
    /// Who decided.
    pub component: Digest,
}

/// Where a timeline ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEnd {
    /// Its stream version.
    pub version: u64,
    /// Whose state it is.
    pub component: Digest,
    /// The state, in the plugin's payload format; or why there is none.
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
    /// Adds a step, or only counts it if there are `limit` of them already.
    pub(super) fn add(&mut self, step: TimelineStep, limit: usize) {
        self.commands.add(step.mark);
        step.events.iter().for_each(|event| self.events.add(event.mark));
        match self.steps.len() < limit {
            true => self.steps.push(step),
            false => self.left_out += 1,
        }
    }
}
