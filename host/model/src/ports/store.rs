//! What the engine asks of an event store.

use async_trait::async_trait;

use super::{ActivationLog, HistorySource};
use crate::{
    AggregateRef, CommandRecord, Digest, Entry, EntryResult, EventBatch, EventQuery, LogInfo, PageLimit, PartitionId,
    RecordedEvent, Snapshot, StreamHead, Timestamp,
};

/// Why a store could not do as asked.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// Another host has taken the partition for writing since.
    #[error("another host took over writing to this store: stop this one, or stop the other and start this one again")]
    Fenced,
    /// What is written no longer reaches the store: its file was moved, removed or replaced under the running host.
    #[error("the store is lost: {0}")]
    Lost(String),
    /// It is not the store that was written last: an older copy, or one whose newest commits are gone.
    #[error("the store went back in time: {0}")]
    WentBack(String),
    /// Nothing was written, and nothing can be until somebody makes room or changes permissions.
    #[error("the store cannot write: {0}")]
    Unwritable(String),
    /// It may work when tried again: busy, connection lost.
    #[error("the store did not answer: {0}")]
    Transient(String),
    /// What is stored contradicts itself.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Anything else.
    #[error("the store failed: {0}")]
    Other(String),
}

impl StoreError {
    /// Whether a host that meets it can write nothing more, ever: it has to stop.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Fenced | Self::Lost(_))
    }
}

/// The right to write to a partition, until somebody else claims it. Every write names it, so that a host which was replaced
/// cannot write any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The partition.
    pub partition: PartitionId,
    /// The writer epoch: each claim has a larger one than the claims before it, from 1.
    pub epoch: u64,
}

/// The writing side: whole batches, one transaction each.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Takes a partition for writing. All earlier claims to it are fenced from here on.
    ///
    /// # Errors
    /// If the store cannot be written, or has no such partition.
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError>;

    /// Commits a batch, all of whose aggregates belong to the claimed partition, in one durable transaction. Says what became
    /// of each entry, in order.
    ///
    /// Entries are judged one after another, each on the effects of those before it: a known id is
    /// [`EntryResult::Duplicate`] or [`EntryResult::IdReused`]; a base version that does not hold is
    /// [`EntryResult::Conflict`]; all else is recorded. One entry's fate never fails another.
    ///
    /// # Errors
    /// If the batch as a whole could not be committed. Nothing of it is visible then, unless the commit itself was
    /// applied and only its answer was lost: trying again finds the records.
    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError>;
}

/// The reading side. Sees committed batches only, whole.
#[async_trait]
pub trait EventReader: Send + Sync {
    /// Which log this is, and how many partitions it has.
    async fn log_info(&self) -> Result<LogInfo, StoreError>;

    /// How far a stream has come; version 0 if there is none.
    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError>;

    /// The events of a stream with a version above `after`, oldest first and without gaps, up to `limit`.
    async fn read_stream(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError>;

    /// The stream version that held at `time`: the count of its events recorded at or before it.
    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError>;

    /// Events with everything that is known of them, in order. `limit` bounds what is held in memory.
    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError>;

    /// The offset that the next event of a partition will get: the count of its events.
    async fn log_head(&self, partition: PartitionId) -> Result<u64, StoreError>;

    /// The record of a decided command. A command id is unique within a partition: if it was used in several of them, for
    /// aggregates of each, the one of the lowest partition.
    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError>;

    /// The newest commands to aggregates of these types, at most `limit`, oldest first. They are fewer where they are
    /// large: a store that is not all in memory hands out no more than 64 MiB at once, but at least one.
    async fn recent_commands(&self, aggregate_types: &[String], limit: usize)
    -> Result<Vec<CommandRecord>, StoreError>;
}

/// A disposable cache of states: for each stream the newest snapshot of each of the two components that last saved one,
/// so that going back to the one before does not begin at the first event.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// The snapshot that `component` wrote for `aggregate`. Another component's, or a damaged one, is `None`.
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError>;

    /// Saves snapshots of aggregates of the claimed partition. May be lost in a crash.
    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError>;
}

/// Whom to bring into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToHydrate {
    /// Whose stream.
    pub aggregate: AggregateRef,
    /// Whose snapshot to start from, if there is one.
    pub snapshot_of: Option<Digest>,
    /// How much to read at once.
    pub page: PageLimit,
}

/// What hydration begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hydration {
    /// How far the stream has come.
    pub head: StreamHead,
    /// A state to start from.
    pub snapshot: Option<Snapshot>,
    /// The first events after it: not always all, and perhaps none although there are some.
    pub events: EventBatch,
}

/// Reading for many aggregates at once: what a batch costs is paid once.
#[async_trait]
pub trait Hydrator: EventReader + SnapshotStore {
    /// What hydration of each begins with, in their order.
    ///
    /// # Errors
    /// If one of them cannot be read: which one is found out by asking for each alone.
    async fn hydrate(&self, asked: &[ToHydrate]) -> Result<Vec<Hydration>, StoreError> {
        let mut hydrations = Vec::with_capacity(asked.len());
        for ToHydrate { aggregate, snapshot_of, page } in asked {
            let head = self.stream_head(aggregate).await?;
            let snapshot = match snapshot_of {
                Some(component) if head.version > 0 => self.load_snapshot(aggregate, *component).await?,
                _ => None,
            };
            // A snapshot beyond the stream would be a state that never was.
            let snapshot = snapshot.filter(|snapshot| snapshot.version <= head.version);
            let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
            let left = usize::try_from(head.version - after).unwrap_or(usize::MAX);
            let events = match left {
                0 => EventBatch::default(),
                _ => {
                    let limit = PageLimit { events: page.events.min(left), ..*page };
                    self.read_stream(aggregate, after, limit).await?
                }
            };
            hydrations.push(Hydration { head, snapshot, events });
        }
        Ok(hydrations)
    }
}

/// All that the engine asks of a store.
pub trait Store: Journal + Hydrator + HistorySource + ActivationLog + 'static {}

impl<T: Journal + Hydrator + HistorySource + ActivationLog + 'static> Store for T {}
