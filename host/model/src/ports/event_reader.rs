//! Reads the log.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    AggregateRef, CommandRecord, EventBatch, EventQuery, LogInfo, PageLimit, PartitionId, RecordedEvent, StreamHead,
    Timestamp,
};

/// Reads the log. It sees only committed batches, each of them whole.
#[async_trait]
pub trait EventReader: Send + Sync {
    /// Returns the identity of the log and its count of partitions.
    async fn log_info(&self) -> Result<LogInfo, StoreError>;

    /// Returns the current end of a stream; version 0 if there is no stream.
    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError>;

    /// Reads the events of a stream with a version above `after`, oldest first and without gaps, up to `limit`.
    async fn read_stream(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError>;

    /// Returns the stream version that held at `time`: the count of its events recorded at or before it.
    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError>;

    /// Reads events with all their fields, in order. `limit` bounds the memory that they take.
    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError>;

    /// Returns the offset that the next event of a partition will get: the count of its events.
    async fn log_head(&self, partition: PartitionId) -> Result<u64, StoreError>;

    /// Finds the record of a decided command. A command id is unique within a partition: if several partitions have
    /// it, the record in the lowest one is returned.
    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError>;

    /// Returns the newest commands to aggregates of these types, at most `limit`, oldest first. Large commands may
    /// make them fewer: a store that is not entirely in memory returns at most 64 MiB at once, but at least one
    /// command.
    async fn recent_commands(&self, aggregate_types: &[String], limit: usize)
    -> Result<Vec<CommandRecord>, StoreError>;
}
