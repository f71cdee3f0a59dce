//! The log as readers see it.

use serde::{Deserialize, Serialize};

use crate::{AggregateRef, Digest, Message, PartitionId, Timestamp};

/// A place in the log. Offsets count from 0 within a partition, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Which part of the log.
    pub partition: PartitionId,
    /// From 0.
    pub offset: u64,
}

/// One event as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Where in the log.
    pub position: Position,
    /// Whose event it is.
    pub aggregate: AggregateRef,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// What happened.
    pub event: Message,
    /// The `now` of the command that produced it.
    pub recorded_at: Timestamp,
    /// The command that produced it.
    pub command_id: String,
}

/// Which events to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only this aggregate's events, by stream version; otherwise the whole of `partition`, by offset.
    pub aggregate: Option<AggregateRef>,
    /// The partition to read; without a meaning where an aggregate is named.
    pub partition: PartitionId,
    /// Only events beyond this one: beyond a stream version (with an aggregate) or an offset (without). `None` reads
    /// from the start.
    pub after: Option<u64>,
    /// At most this many events.
    pub limit: usize,
    /// No more events once their payloads have this many bytes; a larger event comes alone.
    pub bytes: Option<usize>,
}

impl EventQuery {
    /// Whether a page of so many events with so many bytes of payloads takes one more.
    pub fn has_room(&self, events: usize, bytes: usize) -> bool {
        events < self.limit && (events == 0 || self.bytes.is_none_or(|limit| bytes < limit))
    }
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamHead {
    /// Count of events; 0 means no stream.
    pub version: u64,
    /// When its last event was recorded; the epoch if there is none.
    pub last_at: Timestamp,
}

/// Disposable cache of an aggregate's state. Only the component that wrote it may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose state.
    pub aggregate: AggregateRef,
    /// The stream version that the state stands at.
    pub version: u64,
    /// The component that wrote it.
    pub component: Digest,
    /// As the guest returned it.
    pub state: Vec<u8>,
}
