//! What SQLite itself can do with the rows of a store: the ceilings that `cantus bench` measures against. It decides
//! nothing, checks nothing and is no way to write to a log.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use cantus_model::ports::StoreError;
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    SqliteOptions,
    connection::{IfMissing, prepare, reading, run, writing},
    error::explain,
    rows::{INSERT_COMMAND, INSERT_EVENT},
};

/// A row as it stands in the file.
type Row = Vec<Value>;

/// Copies the store at `source` to `target`, byte for byte, while nobody writes to it.
///
/// # Errors
/// If either file fails, or the store is busy.
pub fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Other(format!("copying {}: {error}", source.display()));
    let connection = writing(source, &SqliteOptions::default(), IfMissing::Fail)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    if busy.map_err(explain)? {
        return Err(StoreError::Transient("somebody reads the store that is to be copied".into()));
    }
    std::fs::copy(source, target).map(drop).map_err(failed)
}

/// Inserts the rows of the last commands of the store at `source` into the store at `target`, with the same durability,
/// in transactions of the sizes that `batches` lists, and says how long that took. The target is a copy of the source
/// from before those commands, so that both write into tables of the same size. They must have one event a command.
///
/// # Errors
/// If either store fails, or the source holds fewer commands.
pub fn bare_insert(source: &Path, target: &Path, batches: &[usize]) -> Result<Duration, StoreError> {
    let wanted = batches.iter().sum();
    let source = reading(source, &SqliteOptions::default())?;
    let commands = last_rows(&source, "SELECT * FROM command ORDER BY pk DESC LIMIT ?", wanted)?;
    let events = "SELECT pk, version, kind, payload, recorded_at, command, checksum, stream FROM event \
                  ORDER BY pk DESC LIMIT ?";
    let events = last_rows(&source, events, wanted)?;
    let connection = writing(target, &SqliteOptions::default(), IfMissing::Fail)?;
    // As SQLite does it by itself, every 16 MiB.
    connection.execute_batch("PRAGMA wal_autocheckpoint = 16384").map_err(explain)?;
    let started = Instant::now();
    let (mut commands, mut events) = (commands.iter(), events.iter());
    for size in batches {
        run(&connection, "BEGIN IMMEDIATE")?;
        insert(&connection, &INSERT_COMMAND, commands.by_ref().take(*size))?;
        insert(&connection, &INSERT_EVENT, events.by_ref().take(*size))?;
        run(&connection, "COMMIT")?;
    }
    Ok(started.elapsed())
}

fn insert<'a>(connection: &Connection, sql: &str, rows: impl Iterator<Item = &'a Row>) -> Result<(), StoreError> {
    let mut statement = prepare(connection, sql)?;
    for row in rows {
        statement.execute(params_from_iter(row)).map_err(explain)?;
    }
    Ok(())
}

fn last_rows(connection: &Connection, sql: &str, wanted: usize) -> Result<Vec<Row>, StoreError> {
    let mut statement = prepare(connection, sql)?;
    let columns = statement.column_count();
    let read = |row: &rusqlite::Row<'_>| (0..columns).map(|index| row.get(index)).collect::<rusqlite::Result<Row>>();
    let rows = statement.query_map([wanted], read).map_err(explain)?;
    let mut rows: Vec<Row> = rows.collect::<Result<_, _>>().map_err(explain)?;
    rows.reverse();
    match rows.len() == wanted {
        true => Ok(rows),
        false => Err(StoreError::Other(format!("the store has {} such rows, not {wanted}", rows.len()))),
    }
}

/// Bytes of the store's file, once its WAL is in it.
///
/// # Errors
/// If the store fails or is busy.
pub fn file_bytes(source: &Path) -> Result<u64, StoreError> {
    let connection = writing(source, &SqliteOptions::default(), IfMissing::Fail)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    match busy.map_err(explain)? {
        true => Err(StoreError::Transient("somebody reads the store".into())),
        false => source.metadata().map(|file| file.len()).map_err(|error| StoreError::Other(error.to_string())),
    }
}
