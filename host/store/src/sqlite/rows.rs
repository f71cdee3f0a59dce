//! Rows, as values to bind and as they are read.

use cantus_model::{AggregateRef, CommandRecord, Digest, Message, Timestamp, ports::StoreError};
use serde::de::DeserializeOwned;
use sqlx::{
    Arguments, Decode, Row, Sqlite,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::error::explain;
use crate::planner::{CommandRow, EventRow, StreamRow};

/// The columns that [`command_record`] reads, from `command AS c` and `stream AS s`.
pub(super) const COMMAND_COLUMNS: &str = "s.aggregate_type, s.aggregate_id, c.request_hash, c.base_version, c.name, \
     c.schema_version, c.payload, c.context, c.outcome, c.first_offset, c.component_digest";

/// One column, whose type the schema is strict about.
pub(super) fn column<'r, T: Decode<'r, Sqlite>>(row: &'r SqliteRow, index: usize) -> Result<T, StoreError> {
    row.try_get_unchecked(index).map_err(explain)
}

/// A number as a signed column holds it; one that is too large stands for the largest, which no row reaches.
pub(super) fn bound(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Reads [`COMMAND_COLUMNS`].
pub(super) fn command_record(row: &SqliteRow) -> Result<CommandRecord, StoreError> {
    Ok(CommandRecord {
        aggregate: AggregateRef { aggregate_type: column(row, 0)?, id: column(row, 1)? },
        request_hash: digest(column(row, 2)?)?,
        base_version: column(row, 3)?,
        command: Message { name: column(row, 4)?, version: column(row, 5)?, payload: column(row, 6)? },
        context: json(column(row, 7)?)?,
        outcome: json(column(row, 8)?)?,
        first_offset: column(row, 9)?,
        component: digest(column(row, 10)?)?,
    })
}

/// 32 bytes as a digest.
pub(super) fn digest(bytes: &[u8]) -> Result<Digest, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Corrupt("a digest has not 32 bytes".into()))?;
    Ok(Digest::from_bytes(bytes))
}

/// JSON that the store itself wrote.
pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("a record that does not decode: {error}")))
}

/// Binds a row of `stream`, partition 0.
pub(super) fn bind_stream(arguments: &mut SqliteArguments, row: &StreamRow<'_>) -> Result<(), BoxDynError> {
    arguments.add(row.pk)?;
    arguments.add(row.aggregate.aggregate_type.as_str())?;
    arguments.add(row.aggregate.id.as_str())?;
    arguments.add(0)
}

/// Binds a row of `command`.
pub(super) fn bind_command(arguments: &mut SqliteArguments, row: &CommandRow<'_>) -> Result<(), BoxDynError> {
    let decision = row.decision;
    arguments.add(row.pk)?;
    arguments.add(row.entry.command_id.as_str())?;
    arguments.add(row.stream_pk)?;
    arguments.add(row.entry.request_hash.as_bytes().as_slice())?;
    arguments.add(i64::try_from(decision.base_version)?)?;
    arguments.add(decision.command.name.as_str())?;
    arguments.add(decision.command.version)?;
    arguments.add(decision.command.payload.as_slice())?;
    arguments.add(serde_json::to_string(&decision.context)?)?;
    arguments.add(serde_json::to_string(&decision.verdict.outcome())?)?;
    arguments.add(row.first_offset.map(i64::try_from).transpose()?)?;
    arguments.add(decision.component.as_bytes().as_slice())?;
    arguments.add(time(decision.context.now)?)
}

/// Binds a row of `event`, partition 0.
pub(super) fn bind_event(arguments: &mut SqliteArguments, row: &EventRow<'_>) -> Result<(), BoxDynError> {
    arguments.add(0)?;
    arguments.add(i64::try_from(row.offset)?)?;
    arguments.add(row.stream_pk)?;
    arguments.add(i64::try_from(row.version)?)?;
    arguments.add(row.event.name.as_str())?;
    arguments.add(row.event.version)?;
    arguments.add(row.event.payload.as_slice())?;
    arguments.add(time(row.recorded_at)?)?;
    arguments.add(row.command_pk)
}

/// A time as a signed column holds it.
pub(super) fn time(time: Timestamp) -> Result<i64, BoxDynError> {
    i64::try_from(time.0).map_err(|_| format!("the time {} is after the year 294247", time.0).into())
}
