//! Reading the log.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    AggregateRef, CommandRecord, EventBatch, EventQuery, LogInfo, PageLimit, PartitionId, RecordedEvent, StreamHead,
    Timestamp,
};

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
