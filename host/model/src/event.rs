//! Events and positions of the log, as readers see them.

use serde::{Deserialize, Serialize};

use crate::{AggregateRef, Digest, Message, PageLimit, PartitionId, Timestamp};

/// A position in the log. Offsets count from 0 within a partition, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The partition.
    pub partition: PartitionId,
    /// The offset within the partition, from 0.
    pub offset: u64,
}

/// One event as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its position in the log.
    pub position: Position,
    /// The aggregate whose event it is.
    pub aggregate: AggregateRef,
    /// Its version in the stream, from 1.
    pub version: u64,
    /// Its name, schema version and payload.
    pub event: Message,
    /// The `now` of the command that produced it.
    pub recorded_at: Timestamp,
    /// The command that produced it.
    pub command_id: String,
}

/// Selects the events to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only this aggregate's events, by stream version; otherwise the whole of `partition`, by offset.
    pub aggregate: Option<AggregateRef>,
    /// The partition to read; ignored if an aggregate is named.
    pub partition: PartitionId,
    /// Only events after this stream version (with an aggregate) or offset (without). `None` reads from the start.
    pub after: Option<u64>,
    /// At most this many events.
    pub limit: usize,
    /// Bytes of payloads after which no more events are read; a larger event is returned alone.
    pub bytes: Option<usize>,
}

impl EventQuery {
    /// Reports whether a page of `events` events with `bytes` bytes of payloads takes one more.
    pub fn has_room(&self, events: usize, bytes: usize) -> bool {
        PageLimit { events: self.limit, bytes: self.bytes.unwrap_or(usize::MAX) }.takes_more(events, bytes)
    }
}

/// The current end of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamHead {
    /// Count of events; 0 means no stream.
    pub version: u64,
    /// The time at which its last event was recorded; the epoch if there is none.
    pub last_at: Timestamp,
}

/// A cached state of an aggregate, which can be deleted at any time. Only the component that wrote it may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The aggregate.
    pub aggregate: AggregateRef,
    /// The stream version of the state.
    pub version: u64,
    /// The component that wrote it.
    pub component: Digest,
    /// The state, as the guest returned it.
    pub state: Vec<u8>,
}
