//! The JSON form of events.

use cantus_model::{PartitionId, RecordedEvent};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{payload_json, time_text};

/// One event of the log. Its fields are in alphabetical order, except for the payload, which is the last.
#[derive(Serialize)]
pub struct EventJson<'a> {
    aggregate: &'a str,
    aggregate_id: &'a str,
    command_id: &'a str,
    event: &'a str,
    event_version: u32,
    offset: u64,
    partition: PartitionId,
    recorded_at: String,
    recorded_at_micros: u64,
    version: u64,
    payload: Box<RawValue>,
}

impl<'a> From<&'a RecordedEvent> for EventJson<'a> {
    fn from(event: &'a RecordedEvent) -> Self {
        Self {
            aggregate: &event.aggregate.aggregate_type,
            aggregate_id: &event.aggregate.id,
            command_id: &event.command_id,
            event: &event.event.name,
            event_version: event.event.version,
            offset: event.position.offset,
            partition: event.position.partition,
            recorded_at: time_text(event.recorded_at),
            recorded_at_micros: event.recorded_at.0,
            version: event.version,
            payload: payload_json(&event.event.payload),
        }
    }
}
