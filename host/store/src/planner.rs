//! Judges the entries of a batch, without any I/O: what becomes of each, and which rows that takes.
//!
//! An adapter looks up what [`Question`] names, inside the transaction that will write, and gives the answer to [`plan`].

use std::collections::{HashMap, HashSet};

use cantus_model::{AggregateRef, CommandRecord, Decision, Entry, EntryResult, Message, PartitionId, Timestamp};

/// What must be known of the store to judge a batch. Everything is named once, in the order of the entries.
#[derive(Debug, Default)]
pub(crate) struct Question<'a> {
    /// Streams that a decision would append to.
    pub(crate) aggregates: Vec<&'a AggregateRef>,
    /// Command ids.
    pub(crate) command_ids: Vec<&'a str>,
}

impl<'a> Question<'a> {
    /// What to look up for `entries`.
    pub(crate) fn about(entries: &'a [Entry]) -> Self {
        let mut question = Self::default();
        let mut seen = HashSet::new();
        let mut seen_ids = HashSet::new();
        for entry in entries {
            if entry.decision.is_some() && seen.insert(&entry.aggregate) {
                question.aggregates.push(&entry.aggregate);
            }
            if seen_ids.insert(entry.command_id.as_str()) {
                question.command_ids.push(&entry.command_id);
            }
        }
        question
    }
}

/// What the store says of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownStream {
    /// Its number within the partition.
    pub(crate) number: u64,
    pub(crate) version: u64,
}

/// The store's answer to a [`Question`], and where it stands.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The partition that all entries belong to.
    pub(crate) partition: PartitionId,
    /// The offset that the next event gets.
    pub(crate) head: u64,
    /// The count of streams: the number of the last one.
    pub(crate) streams_count: u64,
    /// The count of commands: the number of the last one.
    pub(crate) commands_count: u64,
    /// For each of [`Question::aggregates`], its stream if there is one.
    pub(crate) streams: Vec<Option<KnownStream>>,
    /// Those of [`Question::command_ids`] that are recorded.
    pub(crate) commands: HashMap<String, CommandRecord>,
}

/// A stream as it stands within the batch. It is to be inserted if it gains its first record.
#[derive(Debug)]
pub(crate) struct StreamRow<'a> {
    pub(crate) partition: PartitionId,
    /// Given with the first record, so that streams are numbered in the order in which they began.
    pub(crate) number: u64,
    pub(crate) aggregate: &'a AggregateRef,
    version: u64,
    stored: bool,
    recorded: bool,
}

/// A command to insert.
#[derive(Debug)]
pub(crate) struct CommandRow<'a> {
    pub(crate) partition: PartitionId,
    pub(crate) number: u64,
    /// The number of its stream.
    pub(crate) stream: u64,
    pub(crate) entry: &'a Entry,
    pub(crate) decision: &'a Decision,
    pub(crate) first_offset: Option<u64>,
}

impl CommandRow<'_> {
    /// As a reader will find it.
    fn record(&self) -> CommandRecord {
        record(self.entry, self.decision, self.first_offset)
    }
}

/// An event to insert.
#[derive(Debug)]
pub(crate) struct EventRow<'a> {
    pub(crate) partition: PartitionId,
    pub(crate) offset: u64,
    /// The number of its stream.
    pub(crate) stream: u64,
    pub(crate) version: u64,
    pub(crate) event: &'a Message,
    pub(crate) recorded_at: Timestamp,
    /// The number of its command.
    pub(crate) command: u64,
}

/// What to write, and what to answer once it is durable.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// One for each entry.
    pub(crate) results: Vec<EntryResult>,
    /// Where the streams stand that gained a record.
    pub(crate) advanced: Vec<(&'a AggregateRef, KnownStream)>,
    /// Streams to insert.
    pub(crate) streams: Vec<StreamRow<'a>>,
    pub(crate) commands: Vec<CommandRow<'a>>,
    pub(crate) events: Vec<EventRow<'a>>,
    pub(crate) partition: PartitionId,
    /// The partition's head after the batch.
    pub(crate) head: u64,
    /// The partition's counts of streams and commands after the batch.
    pub(crate) streams_count: u64,
    pub(crate) commands_count: u64,
}

/// The journal's record of `entry`.
pub(crate) fn record(entry: &Entry, decision: &Decision, first_offset: Option<u64>) -> CommandRecord {
    CommandRecord {
        aggregate: entry.aggregate.clone(),
        request_hash: entry.request_hash,
        base_version: decision.base_version,
        command: decision.command.clone(),
        context: decision.context.clone(),
        outcome: decision.verdict.outcome(),
        first_offset,
        component: decision.component,
    }
}

/// What a recorded command answers to another request under its id.
pub(crate) fn known(record: &CommandRecord, entry: &Entry) -> EntryResult {
    match record.request_hash == entry.request_hash {
        true => EntryResult::Duplicate(Box::new(record.clone())),
        false => EntryResult::IdReused,
    }
}

/// Judges `entries` one after another, each on the effects of those before it. `known` answers `question`, which was
/// asked about the same entries.
pub(crate) fn plan<'a>(entries: &'a [Entry], question: &Question<'a>, known: &'a Known) -> Plan<'a> {
    let mut planner = Planner::new(entries.len(), question, known);
    for entry in entries {
        let result = planner.judge(entry);
        planner.plan.results.push(result);
    }
    let known = |stream: &StreamRow<'a>| KnownStream { number: stream.number, version: stream.version };
    let advanced = planner.plan.streams.iter().filter(|stream| stream.recorded);
    planner.plan.advanced = advanced.map(|stream| (stream.aggregate, known(stream))).collect();
    planner.plan.streams.retain(|stream| stream.recorded && !stream.stored);
    planner.plan
}

struct Planner<'a> {
    known: &'a Known,
    plan: Plan<'a>,
    stream_index: HashMap<&'a AggregateRef, usize>,
    command_index: HashMap<&'a str, usize>,
}

impl<'a> Planner<'a> {
    fn new(entries: usize, question: &Question<'a>, known: &'a Known) -> Self {
        let partition = known.partition;
        let streams = question.aggregates.iter().zip(&known.streams).map(|(&aggregate, stream)| match *stream {
            Some(KnownStream { number, version }) => {
                StreamRow { partition, number, aggregate, version, stored: true, recorded: false }
            }
            None => StreamRow { partition, number: 0, aggregate, version: 0, stored: false, recorded: false },
        });
        Self {
            known,
            plan: Plan {
                results: Vec::with_capacity(entries),
                advanced: Vec::new(),
                streams: streams.collect(),
                commands: Vec::with_capacity(entries),
                events: Vec::with_capacity(entries),
                partition,
                head: known.head,
                streams_count: known.streams_count,
                commands_count: known.commands_count,
            },
            stream_index: question
                .aggregates
                .iter()
                .enumerate()
                .map(|(index, &aggregate)| (aggregate, index))
                .collect(),
            command_index: HashMap::with_capacity(entries),
        }
    }

    fn judge(&mut self, entry: &'a Entry) -> EntryResult {
        if let Some(record) = self.known.commands.get(&entry.command_id) {
            return known(record, entry);
        }
        if let Some(&index) = self.command_index.get(entry.command_id.as_str()) {
            return known(&self.plan.commands[index].record(), entry);
        }
        let Some(decision) = &entry.decision else { return EntryResult::Absent };
        let index = self.stream_index[&entry.aggregate];
        let actual = self.plan.streams[index].version;
        match decision.base_version == actual {
            true => self.record(entry, decision, index),
            false => EntryResult::Conflict { actual },
        }
    }

    fn record(&mut self, entry: &'a Entry, decision: &'a Decision, stream: usize) -> EntryResult {
        let Self { plan, .. } = self;
        let stream = &mut plan.streams[stream];
        let events = decision.verdict.events();
        let first_offset = (!events.is_empty()).then_some(plan.head);
        if !stream.stored && !stream.recorded {
            plan.streams_count += 1;
            stream.number = plan.streams_count;
        }
        plan.commands_count += 1;
        for event in events {
            stream.version += 1;
            plan.events.push(EventRow {
                partition: stream.partition,
                offset: plan.head,
                stream: stream.number,
                version: stream.version,
                event,
                recorded_at: decision.context.now,
                command: plan.commands_count,
            });
            plan.head += 1;
        }
        stream.recorded = true;
        self.command_index.insert(&entry.command_id, plan.commands.len());
        plan.commands.push(CommandRow {
            partition: stream.partition,
            number: plan.commands_count,
            stream: stream.number,
            entry,
            decision,
            first_offset,
        });
        EntryResult::Committed { version: stream.version, first_offset }
    }
}
