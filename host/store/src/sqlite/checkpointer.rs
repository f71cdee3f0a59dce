//! Moves pages from the WAL into the database file. A thread does it beside the commits, so that no commit waits for it; only when
//! the WAL is too long is it emptied between two commits.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use cantus_model::ports::StoreError;
use rusqlite::Connection;

use super::{
    SqliteOptions,
    connection::{IfMissing, open_writer},
    error::explain,
    query::query_row,
};

/// Bytes by which the WAL grows before the thread is woken: enough that a page which many commits write is moved once for all of
/// them.
const WAKE_STEP: u64 = 16 << 20;
/// Bytes of the WAL beyond which it is emptied before the next commit.
const WAL_LIMIT: u64 = 4 * WAKE_STEP;
/// The time that a commit waits for readers to leave a WAL that is too long.
const WAIT_FOR_READERS: Duration = Duration::from_millis(100);

/// Keeps the WAL short.
pub(super) struct Checkpointer {
    path: PathBuf,
    options: SqliteOptions,
    wal: Mutex<WalState>,
    /// Held while pages are moved: SQLite lets one connection do it at a time.
    moving: Arc<Mutex<()>>,
}

/// The size of the WAL and the thread that moves it.
struct WalState {
    /// The thread, once it is needed.
    thread: Option<(SyncSender<()>, thread::JoinHandle<()>)>,
    /// Bytes of a page, once they are known.
    page_bytes: u64,
    /// Bytes of the WAL when the thread was last woken.
    woken_at: u64,
    /// Bytes of the WAL beyond which it is emptied.
    limit: u64,
}

impl Checkpointer {
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> Self {
        let wal = WalState { thread: None, page_bytes: 0, woken_at: 0, limit: WAL_LIMIT };
        Self { path: path.to_owned(), options: options.clone(), wal: Mutex::new(wal), moving: Arc::default() }
    }

    /// Checks the length of the WAL after a commit on `connection`, and empties it if it is too long. A failure here does not affect
    /// the commit and is tried again after the next one.
    pub(super) fn run_after_commit(&self, connection: &Connection) {
        if let Err(error) = self.bound_wal(connection) {
            tracing::warn!(%error, "the write-ahead log could not be emptied");
        }
    }

    fn bound_wal(&self, connection: &Connection) -> Result<(), StoreError> {
        let pages = run_checkpoint(connection, "PRAGMA wal_checkpoint(NOOP)")?.pages;
        let mut wal = self.wal.lock().unwrap_or_else(PoisonError::into_inner);
        if wal.page_bytes == 0 {
            wal.page_bytes = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(explain)?;
        }
        let bytes = pages * wal.page_bytes;
        wal.woken_at = wal.woken_at.min(bytes);
        if bytes > wal.limit {
            // SQLite restarts the WAL only when all of it is in the file and no reader uses it. Readers that overlap would let
            // it grow. A long reader must not stop the writer, so the next try comes when the WAL has grown by half the limit.
            let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
            connection.busy_timeout(WAIT_FOR_READERS).map_err(explain)?;
            let emptied = run_checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
            connection.busy_timeout(self.options.busy_timeout).map_err(explain)?;
            let is_empty = emptied.as_ref().is_ok_and(|emptied| !emptied.busy);
            wal.limit = if is_empty { WAL_LIMIT } else { bytes + WAL_LIMIT / 2 };
            emptied?;
        } else if bytes >= wal.woken_at + WAKE_STEP {
            wal.woken_at = bytes;
            if wal.thread.is_none() {
                wal.thread = self.start_thread();
            }
            // If it still works on the last step, it finds this one as well.
            let _ = wal.thread.as_ref().map(|(wake, _)| wake.try_send(()));
        }
        Ok(())
    }

    /// Starts the thread. Without one the WAL grows to its limit and is emptied between two commits.
    fn start_thread(&self) -> Option<(SyncSender<()>, thread::JoinHandle<()>)> {
        let (wake, woken) = sync_channel(1);
        let (path, options, moving) = (self.path.clone(), self.options.clone(), Arc::clone(&self.moving));
        let thread = thread::Builder::new().name("cantus-checkpoint".into());
        Some((wake, thread.spawn(move || run_checkpoints(&path, &options, &moving, &woken)).ok()?))
    }
}

impl Drop for Checkpointer {
    /// Waits for the thread, so that a closed store has a closed file.
    fn drop(&mut self) {
        let wal = self.wal.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((wake, thread)) = wal.thread.take() {
            drop(wake);
            let _ = thread.join();
        }
    }
}

/// Moves pages whenever it is woken, until the sender is dropped.
fn run_checkpoints(path: &Path, options: &SqliteOptions, moving: &Mutex<()>, woken: &Receiver<()>) {
    let mut connection = None;
    while woken.recv().is_ok() {
        let _moving = moving.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = connection.take().map_or_else(|| open_writer(path, options, IfMissing::Fail), Ok);
        match opened.and_then(|open| run_checkpoint(&open, "PRAGMA wal_checkpoint(PASSIVE)").map(|_| open)) {
            Ok(open) => connection = Some(open),
            Err(error) => tracing::warn!(%error, "the write-ahead log was not moved into the store"),
        }
    }
}

/// The result of a checkpoint.
struct CheckpointResult {
    busy: bool,
    /// Pages in the WAL.
    pages: u64,
}

fn run_checkpoint(connection: &Connection, pragma: &str) -> Result<CheckpointResult, StoreError> {
    let read = |row: &rusqlite::Row<'_>| {
        Ok(CheckpointResult { busy: row.get(0)?, pages: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0) })
    };
    query_row(connection, pragma, [], read)
}
