//! Connections: many that read, one that writes, and the only place where a transaction begins and ends.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use cantus_model::ports::StoreError;
use rustix::fs::Access;
use sqlx::{
    AssertSqlSafe, ConnectOptions, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use tokio::sync::{Mutex, MutexGuard};

use super::{error::explain, statement::Script};

/// Bytes of a page; SQLite's default.
const PAGE: u64 = 4096;
/// The WAL goes into the file each time it has grown by so many pages (16 MiB): rarely enough that a page which many
/// commits touch is written once for all of them.
const CHECKPOINT_PAGES: u64 = 4096;
/// Bytes that the WAL file keeps after a checkpoint.
const WAL_KEPT: u64 = 4 * CHECKPOINT_PAGES * PAGE;
/// Bytes of the file that a reader maps: as many as SQLite takes.
const MAPPED: u64 = 0x7fff_0000;
/// More than the texts that one connection uses.
const STATEMENTS: usize = 256;

/// The bounds of an SQLite store.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Connections that read at the same time.
    pub readers: u32,
    /// Bytes of the writer's page cache.
    pub cache_bytes: u64,
    /// The file does not grow beyond this many bytes; a commit that would is [`StoreError::Unwritable`].
    pub max_bytes: Option<u64>,
    /// How long to wait for another process that is writing.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4, cache_bytes: 64 << 20, max_bytes: None, busy_timeout: Duration::from_secs(5) }
    }
}

impl SqliteOptions {
    fn connect(&self, path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(false)
            .busy_timeout(self.busy_timeout)
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging()
    }

    /// How the writer connects.
    pub(super) fn writing(&self, path: &Path) -> SqliteConnectOptions {
        let options = self
            .connect(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", format!("-{}", self.cache_bytes / 1024))
            // What a burst left of the WAL is given back at the next checkpoint.
            .pragma("journal_size_limit", WAL_KEPT.to_string())
            .pragma("temp_store", "MEMORY")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string());
        match self.max_bytes {
            Some(bytes) => options.pragma("max_page_count", (bytes / PAGE).max(1).to_string()),
            None => options,
        }
    }

    /// How a reader connects. Every commit makes its page cache worthless, so it reads the file in place.
    pub(super) fn reading(&self, path: &Path) -> SqliteConnectOptions {
        let options = self.connect(path).read_only(true).row_buffer_size(512).pragma("mmap_size", MAPPED.to_string());
        options.immutable(is_immutable(path))
    }

    /// The readers; they connect when they are needed.
    pub(super) fn readers(&self, path: &Path) -> SqlitePool {
        SqlitePoolOptions::new()
            .max_connections(self.readers)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.reading(path))
    }
}

/// The log that is not yet in the file of `path`.
fn wal(path: &Path) -> PathBuf {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}

/// Whether nobody can write to it from here, and all of it is in the one file. Otherwise SQLite coordinates readers and
/// writers by a file beside it, which it must be able to make.
fn is_immutable(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_writable = rustix::fs::access(folder, Access::WRITE_OK).is_ok();
    let log = wal(path).metadata().map_or(0, |log| log.len());
    path.exists() && !is_writable && log == 0
}

/// Makes the folder of `path`.
pub(super) async fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    tokio::fs::create_dir_all(folder)
        .await
        .map_err(|error| StoreError::Unwritable(format!("cannot make its folder {}: {error}", folder.display())))
}

/// The one connection that writes, handed to one transaction after another.
pub(super) struct Writer {
    options: SqliteConnectOptions,
    wal: PathBuf,
    /// Sets how long to wait for other processes.
    wait: Arc<str>,
    idle: Mutex<Idle>,
}

/// The writer between two transactions.
struct Idle {
    /// None before the first transaction, and after one that did not end well.
    connection: Option<SqliteConnection>,
    /// When the WAL is larger than this, readers are asked to leave it.
    wal_bound: u64,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Connects when it is needed.
    pub(super) fn new(options: &SqliteOptions, path: &Path) -> Self {
        Self {
            options: options.writing(path),
            wal: wal(path),
            wait: format!("PRAGMA busy_timeout = {}", options.busy_timeout.as_millis()).into(),
            idle: Mutex::new(Idle { connection: None, wal_bound: WAL_KEPT }),
        }
    }

    /// A connection of its own, with the writer's settings.
    pub(super) async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        self.options.connect().await.map_err(explain)
    }

    /// Begins a transaction that is durable once it is committed.
    pub(super) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.begin_with(Script::default()).await?.0)
    }

    /// Begins a transaction as [`Self::begin`] does, and runs `script` in it, in one trip.
    pub(super) async fn begin_with(&self, script: Script) -> Result<(Transaction<'_>, Vec<SqliteRow>), StoreError> {
        self.begin_as("BEGIN IMMEDIATE;", script, "COMMIT").await
    }

    /// Begins a transaction that a power cut may undo, and that waits for no fsync.
    pub(super) async fn begin_disposable(&self) -> Result<Transaction<'_>, StoreError> {
        const BEGIN: &str = "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE;";
        Ok(self.begin_as(BEGIN, Script::default(), "COMMIT; PRAGMA synchronous = FULL").await?.0)
    }

    async fn begin_as(
        &self,
        begin: &str,
        script: Script,
        commit: &'static str,
    ) -> Result<(Transaction<'_>, Vec<SqliteRow>), StoreError> {
        let mut idle = self.idle.lock().await;
        let mut connection = match idle.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let rows = script.after(begin).run(&mut connection).await?;
        Ok((Transaction { writer: self, idle, connection, commit }, rows))
    }
}

/// A transaction. The connection goes back to the [`Writer`] only when it ended well. One that failed, or that was
/// dropped half way, is closed, which undoes it: after an error SQLite may or may not have rolled back by itself, and
/// a new connection need not know.
pub(super) struct Transaction<'a> {
    writer: &'a Writer,
    idle: MutexGuard<'a, Idle>,
    connection: SqliteConnection,
    commit: &'static str,
}

impl Transaction<'_> {
    /// To run statements on.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Makes it durable.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.commit_after(Script::default()).await
    }

    /// Runs `script` and makes all of it durable, in one trip.
    pub(super) async fn commit_after(mut self, mut script: Script) -> Result<(), StoreError> {
        script.then(self.commit);
        script.run(&mut self.connection).await?;
        match self.bound_wal().await {
            Ok(()) => self.idle.connection = Some(self.connection),
            // The commit stands. A new connection begins afresh.
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be emptied"),
        }
        Ok(())
    }

    /// Undoes it.
    pub(super) async fn rollback(mut self) -> Result<(), StoreError> {
        run(&mut self.connection, "ROLLBACK").await.map_err(explain)?;
        self.idle.connection = Some(self.connection);
        Ok(())
    }

    /// SQLite starts the WAL again when it finds nobody reading from it, so readers that take turns without a pause let
    /// it grow. When it is too large this waits until they have left it, which takes as long as the reads that run. One
    /// that runs for long must not stop the writer: then it is tried again when the WAL has grown by half as much.
    async fn bound_wal(&mut self) -> Result<(), sqlx::Error> {
        let size = self.writer.wal.metadata().map_or(0, |file| file.len());
        if size <= self.idle.wal_bound {
            return Ok(());
        }
        run(&mut self.connection, "PRAGMA busy_timeout = 100").await?;
        let busy: bool = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut self.connection).await?;
        self.idle.wal_bound = if busy { size + WAL_KEPT / 2 } else { WAL_KEPT };
        sqlx::query(AssertSqlSafe(self.writer.wait.clone())).execute(&mut self.connection).await?;
        Ok(())
    }
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// How the connection of a transaction keeps what it writes.
    async fn durability(transaction: &mut Transaction<'_>) -> (String, i64) {
        let journal = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(transaction.connection()).await.unwrap();
        let sync = sqlx::query_scalar("PRAGMA synchronous").fetch_one(transaction.connection()).await.unwrap();
        (journal, sync)
    }

    #[tokio::test]
    async fn every_commit_waits_for_the_disk() {
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::new(&SqliteOptions::default(), &folder.path().join("cantus.db"));
        let durable = ("wal".to_owned(), FULL);
        for how_the_last_one_ended in ["", "committed", "disposable", "undone", "dropped", "disposable and dropped"] {
            match how_the_last_one_ended {
                "committed" => writer.begin().await.unwrap().commit().await.unwrap(),
                "disposable" => writer.begin_disposable().await.unwrap().commit().await.unwrap(),
                "undone" => writer.begin().await.unwrap().rollback().await.unwrap(),
                "dropped" => drop(writer.begin().await.unwrap()),
                "disposable and dropped" => drop(writer.begin_disposable().await.unwrap()),
                _ => {}
            }
            let mut transaction = writer.begin().await.unwrap();
            assert_eq!(durability(&mut transaction).await, durable, "after one that was {how_the_last_one_ended}");
            transaction.rollback().await.unwrap();
        }
        let mut disposable = writer.begin_disposable().await.unwrap();
        assert_ne!(durability(&mut disposable).await, durable, "a cache need not wait");
    }
}
