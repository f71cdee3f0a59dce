//! What a run over history found: counts, and for each kind of difference a few examples.

use std::collections::BTreeMap;

use cantus_model::{CommandRecord, RecordedCommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Change, Decision, Redecided, compare::payload_json};

/// Examples that are kept of each kind: the first ones of history, whoever finds them first.
const EXAMPLES: usize = 3;
/// Kinds of difference that are told apart; guests name commands as they like.
const GROUPS: usize = 500;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Streams that were run.
    pub streams: u64,
    /// Commands that were decided again.
    pub commands: u64,
    /// Events that were folded.
    pub events: u64,
    /// Commands whose decision is the same to the byte.
    pub identical: u64,
    /// The others, by kind of difference and command.
    pub groups: Vec<Group>,
}

/// Commands of one kind whose decisions differ in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// How they differ.
    pub change: Change,
    /// The aggregate type.
    pub aggregate: String,
    /// The command's name and version: `Depart v1`.
    pub command: String,
    /// For a rejection of today, its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How many.
    pub count: u64,
    /// The reason why they are allowed, if a waiver names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// One command whose decision differs, or the last one of a stream whose state does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Its place in history: stream, then command.
    #[serde(skip)]
    pub place: (u64, u64),
    /// The aggregate: `Flight/UA-1`.
    pub aggregate: String,
    /// The command's id.
    pub command_id: String,
    /// The stream version that it was decided on.
    pub version: u64,
    /// The decision before, or the state.
    pub before: Value,
    /// What it is now.
    pub now: Value,
}

impl Example {
    /// A command at its place in history, and its two decisions.
    pub(super) fn of(place: (u64, u64), command: &RecordedCommand, before: &Decision<'_>, now: &Redecided) -> Self {
        Self::at(place, command, command.record.base_version, before.json(), Decision::Redecided(now).json())
    }

    /// A stream's last command, and the two states that it leads to.
    pub(super) fn of_state(
        place: (u64, u64),
        last: &RecordedCommand,
        before: Option<&[u8]>,
        now: Option<&[u8]>,
    ) -> Self {
        let state = |state: Option<&[u8]>| json!({ "state": state.map(payload_json) });
        Self::at(place, last, last.record.version(), state(before), state(now))
    }

    fn at(place: (u64, u64), command: &RecordedCommand, version: u64, before: Value, now: Value) -> Self {
        let CommandRecord { aggregate, context, .. } = &command.record;
        Self { place, aggregate: aggregate.to_string(), command_id: context.command_id.clone(), version, before, now }
    }
}

/// Gathers findings; those of several threads are added up, and the sum does not depend on who found what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathering {
    pub(crate) streams: u64,
    pub(crate) commands: u64,
    pub(crate) events: u64,
    pub(crate) identical: u64,
    groups: BTreeMap<Key, (u64, Vec<Example>)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    change: Change,
    aggregate: String,
    command: String,
    code: Option<String>,
}

impl Gathering {
    /// Adds one command. `before` is what it is compared with, most often what was recorded.
    pub(crate) fn add(
        &mut self,
        place: (u64, u64),
        command: &RecordedCommand,
        change: Option<Change>,
        before: &Decision<'_>,
        now: &Redecided,
    ) {
        self.commands += 1;
        let Some(change) = change else {
            self.identical += 1;
            return;
        };
        let record = &command.record;
        let mut key = Key {
            change,
            aggregate: record.aggregate.aggregate_type.clone(),
            command: format!("{} v{}", record.command.name, record.command.version),
            code: code(now),
        };
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&key) {
            key = Key { code: None, command: "(others)".into(), ..key };
        }
        let (count, examples) = self.groups.entry(key).or_default();
        *count += 1;
        if examples.len() < EXAMPLES || examples.last().is_some_and(|last| place < last.place) {
            examples.push(Example::of(place, command, before, now));
            first(examples);
        }
    }

    /// Adds what another has gathered.
    pub(crate) fn merge(&mut self, other: Self) {
        self.streams += other.streams;
        self.commands += other.commands;
        self.events += other.events;
        self.identical += other.identical;
        for (key, (count, mut examples)) in other.groups {
            let ours = self.groups.entry(key).or_default();
            ours.0 += count;
            ours.1.append(&mut examples);
            first(&mut ours.1);
        }
    }

    pub(crate) fn finish(self) -> Findings {
        let group = |(key, (count, examples)): (Key, _)| {
            let Key { change, aggregate, command, code } = key;
            Group { change, aggregate, command, code, count, waived: None, examples }
        };
        Findings {
            streams: self.streams,
            commands: self.commands,
            events: self.events,
            identical: self.identical,
            groups: self.groups.into_iter().map(group).collect(),
        }
    }
}

fn first(examples: &mut Vec<Example>) {
    examples.sort_by_key(|example| example.place);
    examples.truncate(EXAMPLES);
}

fn code(now: &Redecided) -> Option<String> {
    match now {
        Redecided::Decided(cantus_model::Verdict::Rejected(rejection)) => Some(rejection.code.clone()),
        _ => None,
    }
}
