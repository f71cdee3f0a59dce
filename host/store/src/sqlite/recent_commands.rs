//! Reads the newest commands of some aggregate types, from the last one of each partition backwards.

use cantus_model::{CommandRecord, LogInfo, PartitionId, ports::StoreError};
use rusqlite::{params_from_iter, types::Value};

use super::{
    command_row::{SELECT_COMMAND, StoredCommand, unbounded_bytes},
    connection::Session,
    error::explain,
    key::{key, last_key},
    query::{next_row, prepare, query_row, to_signed},
};
use crate::newest_commands::merge_newest;

/// Bytes of payloads, contexts and rejections that one call returns; a larger command comes alone.
const CALL_BYTES: usize = 64 << 20;

/// Reads the newest `limit` commands to aggregates of these types, the oldest first.
pub(super) fn read_recent(
    session: &mut Session,
    info: &LogInfo,
    types: &[String],
    limit: usize,
) -> Result<Vec<CommandRecord>, StoreError> {
    // Without a stream of these types, the scan would read every command in vain.
    if limit == 0 || !has_stream_of(session, types)? {
        return Ok(Vec::new());
    }
    let room = CALL_BYTES / info.partitions as usize;
    let newest = info.partition_ids().map(|partition| read_newest(session, partition, types, limit, room));
    let newest = newest.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(merge_newest(newest.into_iter(), limit))
}

fn has_stream_of(session: &Session, types: &[String]) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM stream WHERE aggregate_type IN ({}))", placeholders(types));
    query_row(&session.connection, &sql, params_from_iter(types), |row| row.get(0))
}

/// Reads the newest commands of a partition, the newest first, of at most `room` bytes.
fn read_newest(
    session: &mut Session,
    partition: PartitionId,
    types: &[String],
    limit: usize,
    room: usize,
) -> Result<Vec<CommandRecord>, StoreError> {
    let Session { connection, dictionary, canonical, .. } = session;
    let sql = format!(
        "{} WHERE s.aggregate_type IN ({}) AND c.pk >= ? AND c.pk <= ? ORDER BY c.pk DESC LIMIT ?",
        *SELECT_COMMAND,
        placeholders(types)
    );
    let values = types.iter().cloned().map(Value::from);
    let bounds = [key(partition, 0)?, last_key(partition), to_signed(limit)].map(Value::from);
    let mut statement = prepare(connection, &sql)?;
    let mut rows = statement.query(params_from_iter(values.chain(bounds))).map_err(explain)?;
    let (mut records, mut bytes) = (Vec::new(), 0);
    while let Some(row) = next_row(&mut rows)? {
        bytes += unbounded_bytes(row);
        if bytes > room && !records.is_empty() {
            break;
        }
        records.push(StoredCommand::read(row, connection, dictionary, canonical)?.into_record()?);
    }
    Ok(records)
}

fn placeholders(types: &[String]) -> String {
    vec!["?"; types.len()].join(",")
}
