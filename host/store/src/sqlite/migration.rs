//! Recognizes the format of a store, and creates it or brings it up to date.

use std::path::Path;

use cantus_model::{LogInfo, ports::StoreError};
use rusqlite::{Connection, Row};

use super::{
    SqliteOptions,
    connection::{IfMissing, Session, open_writer, resolve},
    query::{query_row, run},
    schema::{FORMAT, PARTITIONER, create_component_bytes, create_log, has_table},
    upgrade::upgrade,
};
use crate::heads::HeadsFile;

/// The format of a file.
enum StoreFormat {
    Empty,
    Current,
    /// An older Cantus wrote it.
    Older(i64),
    Newer,
    /// It is no store of Cantus.
    Foreign,
}

/// Creates the store, or brings it up to date. It has the write lock before it reads, so that of two processes one waits for the
/// other.
pub(super) fn prepare_store(path: &Path, options: &SqliteOptions) -> Result<LogInfo, StoreError> {
    let session = Session::new(open_writer(path, options, IfMissing::Create).map_err(|error| name_path(path, error))?);
    prepare_in_transaction(session, path, options).map_err(|error| name_path(path, error))
}

fn prepare_in_transaction(mut session: Session, path: &Path, options: &SqliteOptions) -> Result<LogInfo, StoreError> {
    run(&session.connection, "BEGIN IMMEDIATE")?;
    let format = read_format(&session.connection)?;
    if matches!(format, StoreFormat::Empty | StoreFormat::Older(_)) {
        refuse_beside_heads(path)?;
    }
    match format {
        StoreFormat::Empty => create(&session.connection, options.partitions)?,
        StoreFormat::Current => create_component_bytes(&session.connection)?,
        StoreFormat::Older(format) => upgrade(&mut session, format)?,
        StoreFormat::Newer => return Err(newer()),
        StoreFormat::Foreign => return Err(foreign()),
    }
    // SQLite also begins a transaction on a read-only file. The update fails now rather than at the first command.
    run(&session.connection, "UPDATE partition SET head = head")?;
    run(&session.connection, "COMMIT")?;
    read_info(&session.connection)
}

/// Refuses an empty or older store beside a heads file: the file belongs to a store of today's format, which is gone.
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
pub(super) fn check_format(connection: &Connection) -> Result<LogInfo, StoreError> {
    match read_format(connection)? {
        StoreFormat::Current => read_info(connection),
        StoreFormat::Older(_) => {
            Err(StoreError::Other("an older Cantus wrote it: run commands once to bring it up to date".into()))
        }
        StoreFormat::Newer => Err(newer()),
        StoreFormat::Empty | StoreFormat::Foreign => Err(foreign()),
    }
}

fn read_format(connection: &Connection) -> Result<StoreFormat, StoreError> {
    let has_table = |name| has_table(connection, name);
    let number = |sql| query_row(connection, sql, [], |row| row.get::<_, i64>(0));
    if number("SELECT count(*) FROM sqlite_master")? == 0 {
        return Ok(StoreFormat::Empty);
    }
    if has_table("_sqlx_migrations")? && has_table("partition")? {
        return Ok(match number("SELECT max(version) FROM _sqlx_migrations")? {
            older @ 1..FORMAT => StoreFormat::Older(older),
            _ => StoreFormat::Newer,
        });
    }
    if !has_table("log")? || !has_table("partition")? {
        return Ok(StoreFormat::Foreign);
    }
    Ok(match number("PRAGMA user_version")? {
        FORMAT => StoreFormat::Current,
        newer if newer > FORMAT => StoreFormat::Newer,
        _ => StoreFormat::Foreign,
    })
}

fn create(connection: &Connection, partitions: u32) -> Result<(), StoreError> {
    let log_id = query_row(connection, "SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
    create_log(connection, &LogInfo { log_id, partitions: partitions.max(1) })
}

fn read_info(connection: &Connection) -> Result<LogInfo, StoreError> {
    let read = |row: &Row<'_>| Ok((LogInfo { log_id: row.get(0)?, partitions: row.get(1)? }, row.get::<_, String>(2)?));
    let sql = "SELECT log_id, partitions, partitioner FROM log";
    match query_row(connection, sql, [], read)? {
        (info, partitioner) if partitioner == PARTITIONER => check_partitions(connection, info),
        (_, other) => Err(StoreError::Other(format!(
            "it assigns aggregates to partitions by {other:?}: a newer Cantus wrote it, so use that one"
        ))),
    }
}

fn check_partitions(connection: &Connection, info: LogInfo) -> Result<LogInfo, StoreError> {
    let count: u32 = query_row(connection, "SELECT count(*) FROM partition", [], |row| row.get(0))?;
    match count == info.partitions && count > 0 {
        true => Ok(info),
        false => Err(StoreError::Corrupt(format!(
            "the log is recorded with {} partitions and has {count}: restore it from a backup",
            info.partitions
        ))),
    }
}

fn newer() -> StoreError {
    StoreError::Other("a newer Cantus wrote it: use that one".into())
}

fn foreign() -> StoreError {
    StoreError::Other("it is not a Cantus store: name another".into())
}

/// Adds the path to the message of an error.
pub(super) fn name_path(path: &Path, error: StoreError) -> StoreError {
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
