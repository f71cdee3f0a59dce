//! The formats of a store, and how one is created.

use std::path::Path;

use cantus_model::{LogInfo, PartitionId, ports::StoreError};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    SqliteOptions,
    connection::{IfMissing, Session, resolve, run, writing},
    error::explain,
    key::key,
    upgrade,
};
use crate::{heads::HeadsFile, integrity::genesis};

/// What this build writes. Formats 1 and 2 were those of sqlx's migrations.
const FORMAT: i64 = 3;
const SCHEMA: &str = include_str!("schema/format_3.sql");
const PARTITIONER: &str = "murmur2";

/// What a file is.
enum Format {
    Empty,
    Current,
    /// Of an older Cantus.
    Older(i64),
    Newer,
    /// Not of Cantus.
    Foreign,
}

/// Creates the store, or brings it up to date. Takes the write lock first, so that of two processes one waits for the other.
pub(super) fn apply(path: &Path, options: &SqliteOptions) -> Result<LogInfo, StoreError> {
    let session = Session::new(writing(path, options, IfMissing::Create).map_err(|error| at(path, error))?);
    apply_to(session, path, options).map_err(|error| at(path, error))
}

fn apply_to(mut session: Session, path: &Path, options: &SqliteOptions) -> Result<LogInfo, StoreError> {
    run(&session.connection, "BEGIN IMMEDIATE")?;
    let format = format(&session.connection)?;
    if matches!(format, Format::Empty | Format::Older(_)) {
        refuse_beside_heads(path)?;
    }
    match format {
        Format::Empty => create(&session.connection, options.partitions)?,
        Format::Current => {}
        Format::Older(format) => upgrade::upgrade(&mut session, format)?,
        Format::Newer => return Err(newer()),
        Format::Foreign => return Err(foreign()),
    }
    // SQLite begins on a read-only file as well. Better to find out now than at the first command.
    run(&session.connection, "UPDATE partition SET head = head")?;
    run(&session.connection, "COMMIT")?;
    info(&session.connection)
}

/// Where a heads file is, there was a store of today's format: an empty or an older one in its place is not it.
fn refuse_beside_heads(path: &Path) -> Result<(), StoreError> {
    let heads = HeadsFile::of(&resolve(path));
    match heads.path().exists() {
        true => Err(StoreError::WentBack(format!(
            "the store that was written here last is gone; put it back, or remove {} if you mean to go on without it",
            heads.path().display()
        ))),
        false => Ok(()),
    }
}

/// Refuses a store that this build cannot read as it is.
pub(super) fn check(connection: &Connection) -> Result<LogInfo, StoreError> {
    match format(connection)? {
        Format::Current => info(connection),
        Format::Older(_) => {
            Err(StoreError::Other("an older Cantus wrote it: run commands once to bring it up to date".into()))
        }
        Format::Newer => Err(newer()),
        Format::Empty | Format::Foreign => Err(foreign()),
    }
}

fn format(connection: &Connection) -> Result<Format, StoreError> {
    let has_table = |name: &str| {
        let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
        connection.query_row(sql, [name], |_| Ok(())).optional().map_err(explain).map(|found| found.is_some())
    };
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(explain);
    if number("SELECT count(*) FROM sqlite_master")? == 0 {
        return Ok(Format::Empty);
    }
    if has_table("_sqlx_migrations")? && has_table("partition")? {
        return Ok(match number("SELECT max(version) FROM _sqlx_migrations")? {
            older @ 1..FORMAT => Format::Older(older),
            _ => Format::Newer,
        });
    }
    if !has_table("log")? || !has_table("partition")? {
        return Ok(Format::Foreign);
    }
    Ok(match number("PRAGMA user_version")? {
        FORMAT => Format::Current,
        newer if newer > FORMAT => Format::Newer,
        _ => Format::Foreign,
    })
}

fn create(connection: &Connection, partitions: u32) -> Result<(), StoreError> {
    let log_id: String =
        connection.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0)).map_err(explain)?;
    create_log(connection, &LogInfo { log_id, partitions: partitions.max(1) })
}

/// Creates the tables, and the partitions of an empty log.
pub(super) fn create_log(connection: &Connection, info: &LogInfo) -> Result<(), StoreError> {
    key(PartitionId(info.partitions - 1), 0)?; // there are not too many
    connection.execute_batch(SCHEMA).map_err(explain)?;
    let log = "INSERT INTO log (log_id, partitions, partitioner) VALUES (?, ?, ?)";
    connection.execute(log, (&info.log_id, info.partitions, PARTITIONER)).map_err(explain)?;
    let sql = "INSERT INTO partition (id, head, commands, streams, writer_epoch, chain) VALUES (?, 0, 0, 0, 0, ?)";
    for partition in info.partition_ids() {
        let chain = genesis(&info.log_id, partition);
        connection.execute(sql, (partition.0, chain.as_bytes().as_slice())).map_err(explain)?;
    }
    connection.pragma_update(None, "user_version", FORMAT).map_err(explain)
}

fn info(connection: &Connection) -> Result<LogInfo, StoreError> {
    let read = |row: &rusqlite::Row<'_>| {
        Ok((LogInfo { log_id: row.get(0)?, partitions: row.get(1)? }, row.get::<_, String>(2)?))
    };
    let sql = "SELECT log_id, partitions, partitioner FROM log";
    match connection.query_row(sql, [], read).map_err(explain)? {
        (info, partitioner) if partitioner == PARTITIONER => check_partitions(connection, info),
        (_, other) => {
            Err(StoreError::Other(format!("its aggregates go to partitions by {other}: a newer Cantus wrote it")))
        }
    }
}

fn check_partitions(connection: &Connection, info: LogInfo) -> Result<LogInfo, StoreError> {
    let count: u32 = connection.query_row("SELECT count(*) FROM partition", [], |row| row.get(0)).map_err(explain)?;
    match count == info.partitions && count > 0 {
        true => Ok(info),
        false => Err(StoreError::Corrupt(format!("the log says {} partitions, and has {count}", info.partitions))),
    }
}

fn newer() -> StoreError {
    StoreError::Other("a newer Cantus wrote it: use that one".into())
}

fn foreign() -> StoreError {
    StoreError::Other("it is not a Cantus store: name another".into())
}

/// Names the file in an error's text.
pub(super) fn at(path: &Path, error: StoreError) -> StoreError {
    let path = path.display();
    match error {
        StoreError::Fenced => StoreError::Fenced,
        StoreError::Lost(text) => StoreError::Lost(format!("{path}: {text}")),
        StoreError::WentBack(text) => StoreError::WentBack(format!("{path}: {text}")),
        StoreError::Unwritable(text) => StoreError::Unwritable(format!("{path}: {text}")),
        StoreError::Transient(text) => StoreError::Transient(format!("{path}: {text}")),
        StoreError::Corrupt(text) => StoreError::Corrupt(format!("{path}: {text}")),
        StoreError::Other(text) => StoreError::Other(format!("{path}: {text}")),
    }
}
