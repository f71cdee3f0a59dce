//! How the file is opened, for writing and for reading.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use cantus_model::ports::StoreError;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::Access;

use super::{error::explain, names::Names, stream_cache::StreamCache};
use crate::integrity::Canonical;

/// Bytes of a page of a new store. Nearly every command of a commit writes another page of the index of events, so small pages are
/// less to write.
const PAGE: u64 = 1024;
/// Bytes that the WAL file keeps after it was emptied.
const WAL_KEPT: u64 = 64 << 20;
/// Bytes of the file that a reader maps: as many as SQLite takes.
const MAPPED: u64 = 0x7fff_0000;
/// More than the statements that one connection uses.
const STATEMENTS: usize = 64;

/// The bounds of an SQLite store.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Connections that read at the same time.
    pub readers: usize,
    /// Bytes of the writer's page cache.
    pub cache_bytes: u64,
    /// The file does not grow beyond this many bytes; a commit that would is [`StoreError::Unwritable`].
    pub max_bytes: Option<u64>,
    /// How long to wait for another process that is writing.
    pub busy_timeout: Duration,
    /// Partitions of the log, if the store has to be created; one that exists keeps its count.
    pub partitions: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4, cache_bytes: 64 << 20, max_bytes: None, busy_timeout: Duration::from_secs(5), partitions: 1 }
    }
}

/// A connection and what it has learned.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) names: Names,
    pub(super) canonical: Canonical,
    pub(super) streams: StreamCache,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Self { connection, names: Names::default(), canonical: Canonical::default(), streams: StreamCache::default() }
    }
}

/// A statement that stays prepared.
pub(super) fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<rusqlite::CachedStatement<'c>, StoreError> {
    connection.prepare_cached(sql).map_err(explain)
}

/// What to do about a file that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    /// Create it.
    Create,
    /// It was there: it is lost.
    Fail,
}

/// Opens the file to write to it.
pub(super) fn writing(path: &Path, options: &SqliteOptions, if_missing: IfMissing) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, if_missing == IfMissing::Create);
    let connection = Connection::open_with_flags(path, flags).map_err(explain)?;
    connection.busy_timeout(options.busy_timeout).map_err(explain)?;
    let cache = options.cache_bytes / 1024;
    let mut settings = format!(
        "PRAGMA page_size = {PAGE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -{cache}; PRAGMA temp_store = MEMORY; \
         PRAGMA journal_size_limit = {WAL_KEPT}; PRAGMA wal_autocheckpoint = 0;"
    );
    if let Some(bytes) = options.max_bytes {
        settings.push_str(&format!("PRAGMA max_page_count = {};", (bytes / PAGE).max(1)));
    }
    connection.execute_batch(&settings).map_err(explain)?;
    Ok(connection)
}

/// Opens the file to read it. Every commit makes a page cache worthless, so it reads the file in place.
pub(super) fn reading(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let immutable = if is_immutable(path) { "?immutable=1" } else { "" };
    let uri = format!("file:{}{immutable}", percent_encoded(path));
    let connection = Connection::open_with_flags(uri, flags).map_err(explain)?;
    connection.busy_timeout(options.busy_timeout).map_err(explain)?;
    connection.execute_batch(&format!("PRAGMA mmap_size = {MAPPED};")).map_err(explain)?;
    Ok(connection)
}

/// The path as a URI has it.
fn percent_encoded(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => uri.push(char::from(*byte)),
            // Writing to a string does not fail.
            byte => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri
}

/// The log that is not yet in the file of `path`.
pub(super) fn wal(path: &Path) -> PathBuf {
    with_end(path, "-wal")
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// The folder of `path`.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether nobody can write to it from here, and all of it is in the one file. Otherwise SQLite coordinates readers and
/// writers by a file beside it, which it must be able to make.
fn is_immutable(path: &Path) -> bool {
    let is_writable = rustix::fs::access(folder(path), Access::WRITE_OK).is_ok();
    let log = wal(path).metadata().map_or(0, |log| log.len());
    let shared = with_end(path, "-shm").exists(); // somebody else has it open
    path.exists() && !is_writable && log == 0 && !shared
}

/// The path without links, as SQLite sees it: its other files lie beside what the last link leads to.
pub(super) fn resolve(path: &Path) -> PathBuf {
    let in_folder = || Some(folder(path).canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

/// Makes the folder of `path`.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let folder = folder(path);
    std::fs::create_dir_all(folder)
        .map_err(|error| StoreError::Unwritable(format!("cannot make its folder {}: {error}", folder.display())))
}

/// Runs a statement without values or results.
pub(super) fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    prepare(connection, sql)?.execute([]).map(drop).map_err(explain)
}
