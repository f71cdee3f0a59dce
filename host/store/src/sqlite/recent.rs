//! The newest commands, from the last one of each partition backwards until there are enough.

use cantus_model::{CommandRecord, LogInfo, PartitionId, ports::StoreError};
use rusqlite::{params_from_iter, types::Value};

use super::{
    connection::{Session, prepare},
    error::explain,
    key::{key, last_key},
    rows::{SELECT_COMMAND, StoredCommand, bound, command_bytes},
};
use crate::merge_newest;

/// Bytes of payloads, contexts and rejections that are handed out at once; a larger command comes alone.
const BYTES: usize = 64 << 20;

pub(super) fn commands(
    session: &mut Session,
    info: &LogInfo,
    types: &[String],
    limit: usize,
) -> Result<Vec<CommandRecord>, StoreError> {
    // Where nothing is of these types, there is nothing to look through.
    if limit == 0 || !any_of(session, types)? {
        return Ok(Vec::new());
    }
    let room = BYTES / info.partitions as usize;
    let newest = info.partition_ids().map(|partition| of_partition(session, partition, types, limit, room));
    let newest = newest.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(merge_newest(newest.into_iter(), limit))
}

fn any_of(session: &Session, types: &[String]) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM stream WHERE aggregate_type IN ({}))", marks(types));
    prepare(&session.connection, &sql)?.query_row(params_from_iter(types), |row| row.get(0)).map_err(explain)
}

/// The newest commands of a partition, the newest first.
fn of_partition(
    session: &mut Session,
    partition: PartitionId,
    types: &[String],
    limit: usize,
    room: usize,
) -> Result<Vec<CommandRecord>, StoreError> {
    let Session { connection, names, canonical, .. } = session;
    let sql = format!(
        "{} WHERE s.aggregate_type IN ({}) AND c.pk >= ? AND c.pk <= ? ORDER BY c.pk DESC LIMIT ?",
        *SELECT_COMMAND,
        marks(types)
    );
    let values = types.iter().cloned().map(Value::from);
    let bounds = [key(partition, 0)?, last_key(partition), bound(limit)].map(Value::from);
    let mut statement = prepare(connection, &sql)?;
    let mut rows = statement.query(params_from_iter(values.chain(bounds))).map_err(explain)?;
    let (mut records, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().map_err(explain)? {
        bytes += command_bytes(row);
        if bytes > room && !records.is_empty() {
            break;
        }
        records.push(StoredCommand::read(row, connection, names, canonical)?.intact()?);
    }
    Ok(records)
}

fn marks(types: &[String]) -> String {
    vec!["?"; types.len()].join(",")
}
