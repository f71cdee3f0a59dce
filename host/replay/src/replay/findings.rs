//! The findings of a run over history: counts, and a few examples of each kind of difference.

use std::collections::BTreeMap;

use cantus_model::{CommandRecord, RecordedCommand};
use serde::{Deserialize, Serialize};

use super::{DecisionChange, JsonText, ReplayOutcome, ReportedDecision, compare::payload_text};

/// Examples of each kind of difference: the first ones of history, whichever thread finds them.
const EXAMPLES: usize = 3;
/// Kinds of difference that are reported separately, the first ones in their order: guests choose their rejection
/// codes freely.
const GROUPS: usize = 500;

/// The findings of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Count of streams that were run.
    pub streams: u64,
    /// Count of commands that were decided again.
    pub commands: u64,
    /// Count of events that were folded.
    pub events: u64,
    /// Count of commands whose decision is the same to the byte.
    pub identical: u64,
    /// The other commands, by kind of difference and command.
    pub groups: Vec<FindingGroup>,
}

impl Findings {
    /// Count of commands whose stream could be folded up to them, so that their decision means something.
    pub(crate) fn reached(&self) -> u64 {
        let unreached = self.groups.iter().filter(|group| group.change == DecisionChange::Unreached);
        self.commands - unreached.map(|group| group.count).sum::<u64>()
    }
}

/// Commands of one kind whose decisions differ in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingGroup {
    /// The kind of difference.
    pub change: DecisionChange,
    /// The aggregate type.
    pub aggregate: String,
    /// The command's name and version, for example `Depart v1`.
    pub command: String,
    /// The code of the new decision, if that is a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Count of commands.
    pub count: u64,
    /// The reason why they are allowed, if a waiver names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// The first examples.
    pub examples: Vec<FindingExample>,
}

/// One command whose decision differs, or the last command of a stream whose state differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingExample {
    /// Its position in history: the number of the stream, and of the command within it.
    #[serde(skip)]
    pub ordinal: (u64, u64),
    /// The aggregate, for example `Flight/UA-1`.
    pub aggregate: String,
    /// The command's id.
    pub command_id: String,
    /// The stream version on which it was decided.
    pub version: u64,
    /// The decision before, or the state.
    pub before: JsonText,
    /// The decision or state now.
    pub now: JsonText,
}

impl FindingExample {
    /// Describes a command by its position in history and its two decisions.
    pub(super) fn of(
        ordinal: (u64, u64),
        command: &RecordedCommand,
        before: &ReportedDecision<'_>,
        now: &ReplayOutcome,
    ) -> Self {
        let (before, now) = before.distinguish(&ReportedDecision::Rerun(now));
        Self::at(ordinal, command, command.record.base_version, before, now)
    }

    /// Describes a stream by its last command and its two states.
    pub(super) fn of_state(
        ordinal: (u64, u64),
        last: &RecordedCommand,
        before: Option<&[u8]>,
        now: Option<&[u8]>,
    ) -> Self {
        #[derive(Serialize)]
        struct StateJson {
            state: Option<JsonText>,
        }
        let state = |state: Option<&[u8]>| JsonText::of(&StateJson { state: state.map(payload_text) });
        Self::at(ordinal, last, last.record.version(), state(before), state(now))
    }

    fn at(ordinal: (u64, u64), command: &RecordedCommand, version: u64, before: JsonText, now: JsonText) -> Self {
        let CommandRecord { aggregate, context, .. } = &command.record;
        Self { ordinal, aggregate: aggregate.to_string(), command_id: context.command_id.clone(), version, before, now }
    }
}

/// Collects findings. The collections of several threads are merged, and the sum does not depend on which thread
/// found what.
#[derive(Clone, Debug, Default)]
pub(crate) struct FindingsCollector {
    pub(crate) streams: u64,
    pub(crate) commands: u64,
    pub(crate) events: u64,
    pub(crate) identical: u64,
    groups: BTreeMap<FindingKey, CountedFinding>,
    /// Kinds beyond the limit, by change and aggregate type.
    others: BTreeMap<FindingKey, CountedFinding>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FindingKey {
    change: DecisionChange,
    aggregate: String,
    command: String,
    code: Option<String>,
}

impl FindingsCollector {
    /// Adds one command. `before` is the decision that it is compared with, usually the recorded one.
    pub(crate) fn add(
        &mut self,
        ordinal: (u64, u64),
        command: &RecordedCommand,
        change: Option<DecisionChange>,
        before: &ReportedDecision<'_>,
        now: &ReplayOutcome,
    ) {
        self.commands += 1;
        let Some(change) = change else {
            self.identical += 1;
            return;
        };
        let record = &command.record;
        let key = FindingKey {
            change,
            aggregate: record.aggregate.aggregate_type.clone(),
            command: format!("{} v{}", record.command.name, record.command.version),
            code: code(now),
        };
        let counted = self.groups.entry(key).or_default();
        counted.count += 1;
        if counted.examples.len() < EXAMPLES || counted.examples.last().is_some_and(|last| ordinal < last.ordinal) {
            counted.examples.push(FindingExample::of(ordinal, command, before, now));
            retain_first(&mut counted.examples);
        }
        self.merge_excess_groups();
    }

    /// Adds another collection.
    pub(crate) fn merge(&mut self, other: Self) {
        self.streams += other.streams;
        self.commands += other.commands;
        self.events += other.events;
        self.identical += other.identical;
        for (key, counted) in other.groups {
            self.groups.entry(key).or_default().merge(counted);
        }
        for (key, counted) in other.others {
            self.others.entry(key).or_default().merge(counted);
        }
        self.merge_excess_groups();
    }

    /// Merges the kinds beyond the limit. A kind among the first ones is never merged, in whatever order they arrive,
    /// so neither the kinds that are left nor the sum of the others depends on the order.
    fn merge_excess_groups(&mut self) {
        while self.groups.len() > GROUPS {
            let Some((key, counted)) = self.groups.pop_last() else { return };
            let key = FindingKey { code: None, command: "(others)".into(), ..key };
            self.others.entry(key).or_default().merge(counted);
        }
    }

    pub(crate) fn finish(self) -> Findings {
        let group = |(key, CountedFinding { count, examples }): (FindingKey, CountedFinding)| {
            let FindingKey { change, aggregate, command, code } = key;
            FindingGroup { change, aggregate, command, code, count, waived: None, examples }
        };
        Findings {
            streams: self.streams,
            commands: self.commands,
            events: self.events,
            identical: self.identical,
            groups: self.groups.into_iter().chain(self.others).map(group).collect(),
        }
    }
}

/// A count, and the first examples.
#[derive(Clone, Debug, Default)]
struct CountedFinding {
    count: u64,
    examples: Vec<FindingExample>,
}

impl CountedFinding {
    fn merge(&mut self, mut other: Self) {
        self.count += other.count;
        self.examples.append(&mut other.examples);
        retain_first(&mut self.examples);
    }
}

fn retain_first(examples: &mut Vec<FindingExample>) {
    examples.sort_by_key(|example| example.ordinal);
    examples.truncate(EXAMPLES);
}

fn code(now: &ReplayOutcome) -> Option<String> {
    match now {
        ReplayOutcome::Decided(cantus_model::Verdict::Rejected(rejection)) => Some(rejection.code.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use cantus_model::{AggregateRef, Context, Digest, Message, Outcome, Rejection, Timestamp, Verdict};

    use super::*;

    fn command(n: usize) -> RecordedCommand {
        let record = CommandRecord {
            aggregate: AggregateRef::new("A", n.to_string()),
            request_hash: Digest::default(),
            base_version: 0,
            command: Message { name: "C".into(), version: 1, payload: b"{}".to_vec() },
            context: Context {
                command_id: n.to_string(),
                now: Timestamp::default(),
                seed: 0,
                correlation_id: String::new(),
                causation_id: None,
                actor: None,
                metadata: Vec::new(),
            },
            outcome: Outcome::Accepted { events: 0 },
            first_offset: None,
            component: Digest::default(),
        };
        RecordedCommand { record, events: Vec::new() }
    }

    /// Adds a command that is rejected with a code of its own.
    fn add(collector: &mut FindingsCollector, n: usize) {
        let rejection = Rejection { code: format!("{n:05}"), message: String::new(), detail: None };
        let now = ReplayOutcome::Decided(Verdict::Rejected(rejection));
        let (command, change) = (command(n), Some(DecisionChange::AcceptedToRejected));
        collector.add((n as u64, 1), &command, change, &ReportedDecision::Accepted(&[]), &now);
    }

    #[test]
    fn the_groups_do_not_depend_on_the_order_of_findings() {
        let findings_of = |numbers: Vec<usize>| {
            let mut sum = FindingsCollector::default();
            for part in numbers.chunks(7) {
                let mut collector = FindingsCollector::default();
                part.iter().for_each(|n| add(&mut collector, *n));
                sum.merge(collector);
            }
            sum.finish()
        };
        let forwards = findings_of((0..2 * GROUPS).collect());
        assert_eq!(forwards.groups.len(), GROUPS + 1);
        assert_eq!(forwards.groups.iter().map(|group| group.count).sum::<u64>(), 2 * GROUPS as u64);
        let others = &forwards.groups[GROUPS];
        assert_eq!((others.command.as_str(), others.count), ("(others)", GROUPS as u64));
        assert_eq!(others.examples[0].aggregate, format!("A/{GROUPS}"));
        assert_eq!(findings_of((0..2 * GROUPS).rev().collect()), forwards);
    }
}
