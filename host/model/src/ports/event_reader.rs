//! Reads the log.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    AggregateRef, CommandRecord, EventBatch, EventQuery, LogInfo, PageLimit, PartitionId, RecordedEvent, StreamHead,
    Timestamp,
};

/// Reads the log. A reader sees only committed batches, each as a whole.
#[async_trait]
pub trait EventReader: Send + Sync {
    /// Returns the id of the log and its number of partitions.
    async fn log_info(&self) -> Result<LogInfo, StoreError>;

    /// Reads the head of a stream; version 0 if there is no such stream.
    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError>;

    /// Reads the events of a stream with a version above `after`, oldest first and without gaps, up to `limit`.
    async fn read_stream(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError>;

    /// Returns the version of the stream at `time`: the number of its events recorded at or before it.
    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError>;

    /// Reads events with their position, stream, time and command, in order. The limits of the query bound the memory.
    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError>;

    /// Returns the offset of the next event of a partition: the number of its events.
    async fn log_head(&self, partition: PartitionId) -> Result<u64, StoreError>;

    /// Reads the record of a command. A command id is unique within a partition; if several partitions have it, the record of the
    /// lowest one is returned.
    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError>;

    /// Reads the newest commands to aggregates of these types, at most `limit`, oldest first. A store on disk returns fewer if
    /// they are large: at most 64 MiB at once, but at least one command.
    async fn recent_commands(&self, aggregate_types: &[String], limit: usize)
    -> Result<Vec<CommandRecord>, StoreError>;
}
