//! Opens the database file for writing and for reading.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use cantus_model::ports::StoreError;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::Access;

use super::{dictionary::NameDictionary, error::explain, query::run, stream_cache::StreamCache};
use crate::integrity::CanonicalBytes;

/// Bytes of a page of a new store. Nearly every command of a commit writes another page of the index of events, so small pages
/// mean fewer bytes to write.
const PAGE_BYTES: u64 = 1024;
/// Bytes that the WAL file keeps after it was emptied.
const RETAINED_WAL_BYTES: u64 = 64 << 20;
/// Bytes of the file that a reader maps: the most that SQLite allows.
const MAPPED_BYTES: u64 = 0x7fff_0000;
/// Statements that a connection caches; more than it uses.
const CACHED_STATEMENTS: usize = 64;

/// The bounds of an SQLite store.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Connections that may read at the same time.
    pub readers: usize,
    /// Bytes of the writer's page cache.
    pub cache_bytes: u64,
    /// The largest size of the file; a commit that would exceed it is [`StoreError::Unwritable`].
    pub max_bytes: Option<u64>,
    /// The time to wait for another process that is writing.
    pub busy_timeout: Duration,
    /// Partitions of the log of a new store; an existing store keeps its number of partitions.
    pub partitions: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4, cache_bytes: 64 << 20, max_bytes: None, busy_timeout: Duration::from_secs(5), partitions: 1 }
    }
}

/// A connection with its caches and its buffer.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) dictionary: NameDictionary,
    pub(super) canonical: CanonicalBytes,
    pub(super) streams: StreamCache,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        Self {
            connection,
            dictionary: NameDictionary::default(),
            canonical: CanonicalBytes::default(),
            streams: StreamCache::default(),
        }
    }
}

/// Runs `read` on one committed state.
///
/// # Errors
/// If `read` fails. The transaction is then ended, so the connection can be used again.
pub(super) fn read_one_state<T>(
    session: &mut Session,
    read: impl FnOnce(&mut Session) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    run(&session.connection, "BEGIN")?;
    let result = read(session);
    run(&session.connection, "COMMIT")?;
    result
}

/// The action if the file is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    /// Create the file.
    Create,
    /// Fail: the file existed before, so the store is lost.
    Fail,
}

/// Opens the file for writing.
pub(super) fn open_writer(
    path: &Path,
    options: &SqliteOptions,
    if_missing: IfMissing,
) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, if_missing == IfMissing::Create);
    let connection = Connection::open_with_flags(path, flags).map_err(explain)?;
    connection.busy_timeout(options.busy_timeout).map_err(explain)?;
    let cache = options.cache_bytes / 1024;
    let mut settings = format!(
        "PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -{cache}; PRAGMA temp_store = MEMORY; \
         PRAGMA journal_size_limit = {RETAINED_WAL_BYTES}; PRAGMA wal_autocheckpoint = 0;"
    );
    if let Some(bytes) = options.max_bytes {
        settings.push_str(&format!("PRAGMA max_page_count = {};", (bytes / PAGE_BYTES).max(1)));
    }
    connection.execute_batch(&settings).map_err(explain)?;
    Ok(connection)
}

/// Opens the file for reading. It is mapped, because each commit would invalidate a page cache.
pub(super) fn open_reader(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let immutable = if is_immutable(path) { "?immutable=1" } else { "" };
    let uri = format!("file:{}{immutable}", percent_encode(path));
    let connection = Connection::open_with_flags(uri, flags).map_err(explain)?;
    connection.busy_timeout(options.busy_timeout).map_err(explain)?;
    connection.execute_batch(&format!("PRAGMA mmap_size = {MAPPED_BYTES};")).map_err(explain)?;
    Ok(connection)
}

/// Encodes a path for a URI.
fn percent_encode(path: &Path) -> String {
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

/// Returns the path of the write-ahead log of the store at `path`.
pub(super) fn wal_path(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Returns the folder of `path`.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reports whether no process here can write to the store, and all of it is in its one file. Otherwise SQLite coordinates readers
/// and writers by a second file, which it must be able to create.
fn is_immutable(path: &Path) -> bool {
    let is_writable = rustix::fs::access(folder_of(path), Access::WRITE_OK).is_ok();
    let log = wal_path(path).metadata().map_or(0, |log| log.len());
    let shared = with_suffix(path, "-shm").exists(); // another process has it open
    path.exists() && !is_writable && log == 0 && !shared
}

/// Resolves links as SQLite does, which places its other files beside the file that the last link leads to.
pub(super) fn resolve(path: &Path) -> PathBuf {
    let in_folder = || Some(folder_of(path).canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

/// Creates the folder of `path`.
pub(super) fn create_folder(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    std::fs::create_dir_all(folder)
        .map_err(|error| StoreError::Unwritable(format!("cannot make its folder {}: {error}", folder.display())))
}
