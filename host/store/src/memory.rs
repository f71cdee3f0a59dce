//! The reference store, as simple as possible. It holds everything in memory and loses it when it is dropped.
//!
//! It does not use the planner of the other adapters, so that a comparison with them tests something.

mod activations;
mod components;
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
    command_fields::CommandFields, newest_commands::merge_newest, planner::judge_recorded_id,
    port_errors::unknown_partition,
};

/// An event store that lives as long as the process.
#[derive(Debug)]
pub struct MemoryStore {
    data: Mutex<StoredData>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_partitions(1)
    }
}

#[derive(Debug, Default)]
struct StoredData {
    /// Never empty.
    partitions: Vec<MemoryPartition>,
    /// For each stream the snapshots of the two components that saved last, the newest first.
    snapshots: HashMap<AggregateRef, Vec<Snapshot>>,
    activations: Vec<Activation>,
    components: Vec<ComponentRecord>,
    component_bytes: HashMap<Digest, Vec<u8>>,
}

#[derive(Debug, Default)]
struct MemoryPartition {
    id: PartitionId,
    epoch: u64,
    /// All events; an event's index is its offset.
    log: Vec<RecordedEvent>,
    /// Offsets of each stream's events; the event of version `n` is at index `n - 1`.
    streams: HashMap<AggregateRef, Vec<usize>>,
    /// All commands, in the order in which they were recorded.
    journal: Vec<CommandRecord>,
    /// The index of each command in the journal, by its id.
    commands: HashMap<String, usize>,
}

impl StoredData {
    /// Returns the partition that an aggregate belongs to.
    fn partition_of(&self, aggregate: &AggregateRef) -> &MemoryPartition {
        &self.partitions[PartitionId::of(aggregate, self.partitions.len() as u32).0 as usize]
    }

    /// Returns the partition that `claim` gives the right to write to.
    fn claimed_partition(&mut self, claim: Claim) -> Result<&mut MemoryPartition, StoreError> {
        let partition = self.partitions.get_mut(claim.partition.0 as usize);
        partition.filter(|partition| partition.epoch == claim.epoch && claim.epoch > 0).ok_or(StoreError::Fenced)
    }
}

impl MemoryPartition {
    fn judge(&mut self, entry: &Entry) -> EntryResult {
        if let Some(record) = self.command(&entry.command_id) {
            return judge_recorded_id(record, entry);
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
        self.journal.push(CommandFields::of_decision(entry, decision, first_offset).to_record());
        EntryResult::Committed { version: self.version(&entry.aggregate), first_offset }
    }

    fn command(&self, id: &str) -> Option<&CommandRecord> {
        self.commands.get(id).map(|&index| &self.journal[index])
    }

    fn version(&self, aggregate: &AggregateRef) -> u64 {
        self.streams.get(aggregate).map_or(0, |stream| stream.len() as u64)
    }

    /// Returns the events of a stream with a version above `after`.
    fn events(&self, aggregate: &AggregateRef, after: u64) -> impl Iterator<Item = &RecordedEvent> {
        let offsets = self.streams.get(aggregate).map_or(&[][..], Vec::as_slice);
        offsets.iter().skip(to_index(after)).map(|&offset| &self.log[offset])
    }
}

/// Converts a version or an offset; one that is too large is beyond every list.
fn to_index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl MemoryStore {
    /// Creates an empty store whose log has `partitions` partitions; at least one.
    pub fn with_partitions(partitions: u32) -> Self {
        let partitions =
            (0..partitions.max(1)).map(|id| MemoryPartition { id: PartitionId(id), ..MemoryPartition::default() });
        Self { data: Mutex::new(StoredData { partitions: partitions.collect(), ..StoredData::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, StoredData> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError> {
        let mut data = self.lock();
        let claimed = data.partitions.get_mut(partition.0 as usize).ok_or_else(|| unknown_partition(partition))?;
        claimed.epoch += 1;
        Ok(Claim { partition, epoch: claimed.epoch })
    }

    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        let mut data = self.lock();
        let partition = data.claimed_partition(claim)?;
        Ok(entries.iter().map(|entry| partition.judge(entry)).collect())
    }
}

#[async_trait]
impl EventReader for MemoryStore {
    async fn log_info(&self) -> Result<LogInfo, StoreError> {
        Ok(LogInfo { log_id: "memory".into(), partitions: self.lock().partitions.len() as u32 })
    }

    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError> {
        let data = self.lock();
        let partition = data.partition_of(aggregate);
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
        for recorded in self.lock().partition_of(aggregate).events(aggregate, after) {
            if !limit.has_room(&page) {
                break;
            }
            page.push(&recorded.event.name, recorded.event.version, &recorded.event.payload);
        }
        Ok(page)
    }

    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError> {
        Ok(self.lock().partition_of(aggregate).events(aggregate, 0).filter(|event| event.recorded_at <= time).count()
            as u64)
    }

    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        let data = self.lock();
        let events: Box<dyn Iterator<Item = &RecordedEvent>> = match &query.aggregate {
            Some(aggregate) => Box::new(data.partition_of(aggregate).events(aggregate, query.after.unwrap_or(0))),
            None => {
                let first = query.after.map_or(0, |offset| to_index(offset.saturating_add(1)));
                let partition = data.partitions.get(query.partition.0 as usize);
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
        let data = self.lock();
        let partition = data.partitions.get(partition.0 as usize).ok_or_else(|| unknown_partition(partition))?;
        Ok(partition.log.len() as u64)
    }

    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        Ok(self.lock().partitions.iter().find_map(|partition| partition.command(id)).cloned())
    }

    async fn recent_commands(
        &self,
        aggregate_types: &[String],
        limit: usize,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let data = self.lock();
        let of_types = |record: &&CommandRecord| aggregate_types.contains(&record.aggregate.aggregate_type);
        let newest = |partition: &MemoryPartition| -> Vec<CommandRecord> {
            partition.journal.iter().rev().filter(of_types).take(limit).cloned().collect()
        };
        Ok(merge_newest(data.partitions.iter().map(newest), limit))
    }
}

#[async_trait]
impl SnapshotStore for MemoryStore {
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError> {
        let data = self.lock();
        let usable = |snapshot: &&Snapshot| {
            snapshot.component == component && snapshot.version <= data.partition_of(aggregate).version(aggregate)
        };
        Ok(data.snapshots.get(aggregate).into_iter().flatten().find(usable).cloned())
    }

    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        let mut data = self.lock();
        data.claimed_partition(claim)?;
        for snapshot in snapshots {
            if data.partition_of(&snapshot.aggregate).streams.contains_key(&snapshot.aggregate) {
                let stored = data.snapshots.entry(snapshot.aggregate.clone()).or_default();
                stored.retain(|stored| stored.component != snapshot.component);
                stored.insert(0, snapshot.clone());
                stored.truncate(2);
            }
        }
        Ok(())
    }
}

impl Hydrator for MemoryStore {}
