//! The reference: what a store does, in the fewest words. It keeps everything in memory and forgets it when it goes.
//!
//! It does not share the planner of the other adapters, so that comparing it with them says something.

mod activations;
mod history;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cantus_model::{
    Activation, AggregateRef, CommandRecord, ComponentRecord, Decision, Digest, Entry, EntryResult, EventBatch,
    EventQuery, LogInfo, PageLimit, PartitionId, Position, RecordedEvent, Snapshot, StreamHead, Timestamp,
    ports::{Claim, EventReader, Hydrator, Journal, SnapshotStore, StoreError},
};

use crate::{
    merge_newest, no_partition,
    planner::{known, record},
};

/// An event store that lives as long as the process.
#[derive(Debug)]
pub struct MemoryStore {
    contents: Mutex<Contents>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_partitions(1)
    }
}

#[derive(Debug, Default)]
struct Contents {
    /// Never empty.
    partitions: Vec<Partition>,
    /// Of the two components that saved last, the last first.
    snapshots: HashMap<AggregateRef, Vec<Snapshot>>,
    activations: Vec<Activation>,
    components: Vec<ComponentRecord>,
}

#[derive(Debug, Default)]
struct Partition {
    id: PartitionId,
    epoch: u64,
    /// All events; an event's index is its offset.
    log: Vec<RecordedEvent>,
    /// Offsets of each stream's events; the event of version `n` is at index `n - 1`.
    streams: HashMap<AggregateRef, Vec<usize>>,
    /// All commands, in the order in which they were recorded.
    journal: Vec<CommandRecord>,
    /// Where in the journal a command is, by its id.
    commands: HashMap<String, usize>,
}

impl Contents {
    /// The partition that an aggregate belongs to.
    fn of(&self, aggregate: &AggregateRef) -> &Partition {
        &self.partitions[PartitionId::of(aggregate, self.partitions.len() as u32).0 as usize]
    }

    /// The partition that `claim` gives the right to write to.
    fn claimed(&mut self, claim: Claim) -> Result<&mut Partition, StoreError> {
        let partition = self.partitions.get_mut(claim.partition.0 as usize);
        partition.filter(|partition| partition.epoch == claim.epoch && claim.epoch > 0).ok_or(StoreError::Fenced)
    }
}

impl Partition {
    fn judge(&mut self, entry: &Entry) -> EntryResult {
        if let Some(record) = self.command(&entry.command_id) {
            return known(record, entry);
        }
        let Some(decision) = &entry.decision else { return EntryResult::Absent };
        let actual = self.version(&entry.aggregate);
        match decision.base_version == actual {
            true => self.record(entry, decision),
            false => EntryResult::Conflict { actual },
        }
    }

    fn record(&mut self, entry: &Entry, decision: &Decision) -> EntryResult {
        let events = decision.verdict.events();
        let first_offset = (!events.is_empty()).then_some(self.log.len() as u64);
        let stream = self.streams.entry(entry.aggregate.clone()).or_default();
        for event in events {
            stream.push(self.log.len());
            self.log.push(RecordedEvent {
                position: Position { partition: self.id, offset: self.log.len() as u64 },
                aggregate: entry.aggregate.clone(),
                version: stream.len() as u64,
                event: event.clone(),
                recorded_at: decision.context.now,
                command_id: entry.command_id.clone(),
            });
        }
        self.commands.insert(entry.command_id.clone(), self.journal.len());
        self.journal.push(record(entry, decision, first_offset));
        EntryResult::Committed { version: self.version(&entry.aggregate), first_offset }
    }

    fn command(&self, id: &str) -> Option<&CommandRecord> {
        self.commands.get(id).map(|&place| &self.journal[place])
    }

    fn version(&self, aggregate: &AggregateRef) -> u64 {
        self.streams.get(aggregate).map_or(0, |stream| stream.len() as u64)
    }

    /// The events of a stream beyond version `after`.
    fn events(&self, aggregate: &AggregateRef, after: u64) -> impl Iterator<Item = &RecordedEvent> {
        let offsets = self.streams.get(aggregate).map_or(&[][..], Vec::as_slice);
        offsets.iter().skip(index(after)).map(|&offset| &self.log[offset])
    }
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl MemoryStore {
    /// An empty store whose log has `partitions` partitions; at least one.
    pub fn with_partitions(partitions: u32) -> Self {
        let partitions = (0..partitions.max(1)).map(|id| Partition { id: PartitionId(id), ..Partition::default() });
        Self { contents: Mutex::new(Contents { partitions: partitions.collect(), ..Contents::default() }) }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError> {
        let mut contents = self.contents();
        let claimed = contents.partitions.get_mut(partition.0 as usize).ok_or_else(|| no_partition(partition))?;
        claimed.epoch += 1;
        Ok(Claim { partition, epoch: claimed.epoch })
    }

    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        let mut contents = self.contents();
        let partition = contents.claimed(claim)?;
        Ok(entries.iter().map(|entry| partition.judge(entry)).collect())
    }
}

#[async_trait]
impl EventReader for MemoryStore {
    async fn log_info(&self) -> Result<LogInfo, StoreError> {
        Ok(LogInfo { log_id: "memory".into(), partitions: self.contents().partitions.len() as u32 })
    }

    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError> {
        let contents = self.contents();
        let partition = contents.of(aggregate);
        let last_at = partition.events(aggregate, 0).last().map_or(Timestamp(0), |last| last.recorded_at);
        Ok(StreamHead { version: partition.version(aggregate), last_at })
    }

    async fn read_stream(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError> {
        let mut page = EventBatch::default();
        for recorded in self.contents().of(aggregate).events(aggregate, after) {
            if !limit.has_room(&page) {
                break;
            }
            page.push(&recorded.event.name, recorded.event.version, &recorded.event.payload);
        }
        Ok(page)
    }

    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError> {
        Ok(self.contents().of(aggregate).events(aggregate, 0).filter(|event| event.recorded_at <= time).count() as u64)
    }

    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        let contents = self.contents();
        let events: Box<dyn Iterator<Item = &RecordedEvent>> = match &query.aggregate {
            Some(aggregate) => Box::new(contents.of(aggregate).events(aggregate, query.after.unwrap_or(0))),
            None => {
                let first = query.after.map_or(0, |offset| index(offset.saturating_add(1)));
                let partition = contents.partitions.get(query.partition.0 as usize);
                Box::new(partition.map_or(&[][..], |partition| &partition.log).iter().skip(first))
            }
        };
        let (mut page, mut bytes) = (Vec::new(), 0);
        for event in events {
            if !query.has_room(page.len(), bytes) {
                break;
            }
            bytes += event.event.payload.len();
            page.push(event.clone());
        }
        Ok(page)
    }

    async fn log_head(&self, partition: PartitionId) -> Result<u64, StoreError> {
        let contents = self.contents();
        let partition = contents.partitions.get(partition.0 as usize).ok_or_else(|| no_partition(partition))?;
        Ok(partition.log.len() as u64)
    }

    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        Ok(self.contents().partitions.iter().find_map(|partition| partition.command(id)).cloned())
    }

    async fn recent_commands(
        &self,
        aggregate_types: &[String],
        limit: usize,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let contents = self.contents();
        let of_types = |record: &&CommandRecord| aggregate_types.contains(&record.aggregate.aggregate_type);
        let newest = |partition: &Partition| -> Vec<CommandRecord> {
            partition.journal.iter().rev().filter(of_types).take(limit).cloned().collect()
        };
        Ok(merge_newest(contents.partitions.iter().map(newest), limit))
    }
}

#[async_trait]
impl SnapshotStore for MemoryStore {
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError> {
        let contents = self.contents();
        let usable = |snapshot: &&Snapshot| {
            snapshot.component == component && snapshot.version <= contents.of(aggregate).version(aggregate)
        };
        Ok(contents.snapshots.get(aggregate).into_iter().flatten().find(usable).cloned())
    }

    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        let mut contents = self.contents();
        contents.claimed(claim)?;
        for snapshot in snapshots {
            if contents.of(&snapshot.aggregate).streams.contains_key(&snapshot.aggregate) {
                let kept = contents.snapshots.entry(snapshot.aggregate.clone()).or_default();
                kept.retain(|kept| kept.component != snapshot.component);
                kept.insert(0, snapshot.clone());
                kept.truncate(2);
            }
        }
        Ok(())
    }
}

impl Hydrator for MemoryStore {}
