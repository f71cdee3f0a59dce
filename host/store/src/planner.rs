//! Judges the entries of a batch, without any I/O: the result of each entry, and the rows to write.
//!
//! An adapter looks up the [`BatchKeys`] inside the transaction that will write, and passes the [`BatchLookup`] to
//! [`plan_commit`].

use std::collections::{HashMap, HashSet};

use cantus_model::{AggregateRef, CommandRecord, Decision, Entry, EntryResult, Message, PartitionId, Timestamp};

use crate::command_fields::CommandFields;

/// The keys to look up in the store before a batch is judged: each once, in the order of the entries.
#[derive(Debug, Default)]
pub(crate) struct BatchKeys<'a> {
    /// Streams that a decision would append to.
    pub(crate) aggregates: Vec<&'a AggregateRef>,
    pub(crate) command_ids: Vec<&'a str>,
}

impl<'a> BatchKeys<'a> {
    pub(crate) fn of(entries: &'a [Entry]) -> Self {
        let mut keys = Self::default();
        let mut seen = HashSet::new();
        let mut seen_ids = HashSet::new();
        for entry in entries {
            if entry.decision.is_some() && seen.insert(&entry.aggregate) {
                keys.aggregates.push(&entry.aggregate);
            }
            if seen_ids.insert(entry.command_id.as_str()) {
                keys.command_ids.push(&entry.command_id);
            }
        }
        keys
    }
}

/// A stream in the store: its number within the partition, and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamPosition {
    pub(crate) number: u64,
    pub(crate) version: u64,
}

/// The counts of a partition. Rows are numbered by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartitionCounts {
    /// Number of events: the offset of the next one.
    pub(crate) events: u64,
    /// Number of commands: the number of the last one.
    pub(crate) commands: u64,
    /// Number of streams: the number of the last one.
    pub(crate) streams: u64,
}

/// The records of the store that a batch is judged on.
#[derive(Debug, Default)]
pub(crate) struct BatchLookup {
    /// The partition that all entries belong to.
    pub(crate) partition: PartitionId,
    pub(crate) counts: PartitionCounts,
    /// For each of [`BatchKeys::aggregates`], its stream if there is one.
    pub(crate) streams: Vec<Option<StreamPosition>>,
    /// The recorded ones of [`BatchKeys::command_ids`].
    pub(crate) commands: HashMap<String, CommandRecord>,
}

/// A stream and its position within the batch. It is inserted when it gains its first record.
#[derive(Debug)]
pub(crate) struct StreamRow<'a> {
    pub(crate) partition: PartitionId,
    /// Assigned with the first record, so that streams are numbered in the order in which they began.
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
    pub(crate) command_id: &'a str,
    pub(crate) fields: CommandFields<'a>,
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

/// The rows to write, and the results to return once they are durable.
#[derive(Debug)]
pub(crate) struct CommitPlan<'a> {
    /// One for each entry.
    pub(crate) results: Vec<EntryResult>,
    /// The new positions of the streams that gained a record.
    pub(crate) advanced: Vec<(&'a AggregateRef, StreamPosition)>,
    /// Streams to insert.
    pub(crate) streams: Vec<StreamRow<'a>>,
    pub(crate) commands: Vec<CommandRow<'a>>,
    pub(crate) events: Vec<EventRow<'a>>,
    pub(crate) partition: PartitionId,
    /// The counts of the partition after the batch.
    pub(crate) counts: PartitionCounts,
}

/// Judges an entry whose id is recorded: the same request is a duplicate, another one is refused.
pub(crate) fn judge_recorded_id(record: &CommandRecord, entry: &Entry) -> EntryResult {
    match record.request_hash == entry.request_hash {
        true => EntryResult::Duplicate(Box::new(record.clone())),
        false => EntryResult::IdReused,
    }
}

/// Judges `entries` one after another, each on the effects of the entries before it. `keys` and `lookup` are those of the same
/// entries.
pub(crate) fn plan_commit<'a>(entries: &'a [Entry], keys: &BatchKeys<'a>, lookup: &'a BatchLookup) -> CommitPlan<'a> {
    let mut planner = Planner::new(entries.len(), keys, lookup);
    for entry in entries {
        let result = planner.judge(entry);
        planner.plan.results.push(result);
    }
    let position = |stream: &StreamRow<'a>| StreamPosition { number: stream.number, version: stream.version };
    let advanced = planner.plan.streams.iter().filter(|stream| stream.recorded);
    planner.plan.advanced = advanced.map(|stream| (stream.aggregate, position(stream))).collect();
    planner.plan.streams.retain(|stream| stream.recorded && !stream.stored);
    planner.plan
}

struct Planner<'a> {
    lookup: &'a BatchLookup,
    plan: CommitPlan<'a>,
    stream_index: HashMap<&'a AggregateRef, usize>,
    command_index: HashMap<&'a str, usize>,
}

impl<'a> Planner<'a> {
    fn new(entries: usize, keys: &BatchKeys<'a>, lookup: &'a BatchLookup) -> Self {
        let partition = lookup.partition;
        let streams = keys.aggregates.iter().zip(&lookup.streams).map(|(&aggregate, stream)| match *stream {
            Some(StreamPosition { number, version }) => {
                StreamRow { partition, number, aggregate, version, stored: true, recorded: false }
            }
            None => StreamRow { partition, number: 0, aggregate, version: 0, stored: false, recorded: false },
        });
        Self {
            lookup,
            plan: CommitPlan {
                results: Vec::with_capacity(entries),
                advanced: Vec::new(),
                streams: streams.collect(),
                commands: Vec::with_capacity(entries),
                events: Vec::with_capacity(entries),
                partition,
                counts: lookup.counts,
            },
            stream_index: keys.aggregates.iter().enumerate().map(|(index, &aggregate)| (aggregate, index)).collect(),
            command_index: HashMap::with_capacity(entries),
        }
    }

    fn judge(&mut self, entry: &'a Entry) -> EntryResult {
        if let Some(record) = self.lookup.commands.get(&entry.command_id) {
            return judge_recorded_id(record, entry);
        }
        if let Some(&index) = self.command_index.get(entry.command_id.as_str()) {
            return judge_recorded_id(&self.plan.commands[index].fields.to_record(), entry);
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
        let first_offset = (!events.is_empty()).then_some(plan.counts.events);
        if !stream.stored && !stream.recorded {
            plan.counts.streams += 1;
            stream.number = plan.counts.streams;
        }
        plan.counts.commands += 1;
        for event in events {
            stream.version += 1;
            plan.events.push(EventRow {
                partition: stream.partition,
                offset: plan.counts.events,
                stream: stream.number,
                version: stream.version,
                event,
                recorded_at: decision.context.now,
                command: plan.counts.commands,
            });
            plan.counts.events += 1;
        }
        stream.recorded = true;
        self.command_index.insert(&entry.command_id, plan.commands.len());
        plan.commands.push(CommandRow {
            partition: stream.partition,
            number: plan.counts.commands,
            stream: stream.number,
            command_id: &entry.command_id,
            fields: CommandFields::of_decision(entry, decision, first_offset),
        });
        EntryResult::Committed { version: stream.version, first_offset }
    }
}
