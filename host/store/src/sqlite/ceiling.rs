//! Measures SQLite alone with the rows of a store: the ceilings that `cantus bench` compares with. It judges and checks nothing, so
//! it is no way to write to a log.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use cantus_model::ports::StoreError;
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    SqliteOptions,
    command_row::{CommandColumn, INSERT_COMMAND},
    connection::{IfMissing, open_reader, open_writer},
    error::explain,
    event_row::{EventColumn, INSERT_EVENT},
    query::{prepare, query_all, query_row, run},
};

/// The values of a row in the file.
type RawRow = Vec<Value>;

/// Copies the store at `source` to `target`, byte for byte, while nobody writes to it.
///
/// # Errors
/// If either file fails, or the store is busy.
pub fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Other(format!("copying {}: {error}", source.display()));
    let connection = open_writer(source, &SqliteOptions::default(), IfMissing::Fail)?;
    empty_wal(&connection)?;
    std::fs::copy(source, target).map(drop).map_err(failed)
}

/// Inserts the rows of the last commands of the store at `source` into the store at `target`, with the same durability,
/// in transactions of the sizes that `batches` lists, and returns the time. The target is a copy of the source from before
/// those commands, so that both write into tables of the same size. Each command must have one event.
///
/// # Errors
/// If either store fails, or the source holds fewer commands.
pub fn bare_insert(source: &Path, target: &Path, batches: &[usize]) -> Result<Duration, StoreError> {
    let wanted = batches.iter().sum();
    let source = open_reader(source, &SqliteOptions::default())?;
    let commands = read_last_rows(&source, "command", &CommandColumn::NAMES, wanted)?;
    let events = read_last_rows(&source, "event", &EventColumn::NAMES, wanted)?;
    let connection = open_writer(target, &SqliteOptions::default(), IfMissing::Fail)?;
    // The same as the checkpointer: every 16 MiB.
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

fn insert<'a>(connection: &Connection, sql: &str, rows: impl Iterator<Item = &'a RawRow>) -> Result<(), StoreError> {
    let mut statement = prepare(connection, sql)?;
    for row in rows {
        statement.execute(params_from_iter(row)).map_err(explain)?;
    }
    Ok(())
}

fn read_last_rows(
    connection: &Connection,
    table: &str,
    columns: &[&str],
    wanted: usize,
) -> Result<Vec<RawRow>, StoreError> {
    let sql = format!("SELECT {} FROM {table} ORDER BY pk DESC LIMIT ?", columns.join(", "));
    let mut rows = query_all(connection, &sql, [wanted], |row| {
        (0..columns.len()).map(|index| row.get(index)).collect::<rusqlite::Result<RawRow>>().map_err(explain)
    })?;
    rows.reverse();
    match rows.len() == wanted {
        true => Ok(rows),
        false => Err(StoreError::Other(format!("the store has {} rows of {table}, not {wanted}", rows.len()))),
    }
}

/// Returns the bytes of the store's file, after moving the WAL into it.
///
/// # Errors
/// If the store fails or is busy.
pub fn file_bytes(source: &Path) -> Result<u64, StoreError> {
    empty_wal(&open_writer(source, &SqliteOptions::default(), IfMissing::Fail)?)?;
    source.metadata().map(|file| file.len()).map_err(|error| StoreError::Other(error.to_string()))
}

/// Moves the whole WAL into the file.
fn empty_wal(connection: &Connection) -> Result<(), StoreError> {
    match query_row(connection, "PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))? {
        true => Err(StoreError::Transient("another process reads the store: wait until it has ended".into())),
        false => Ok(()),
    }
}
