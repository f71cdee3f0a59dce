//! Moves what is in the WAL into the file. A thread of its own does it while commits go on, so that no commit waits for it;
//! only the end of the WAL, when it is to begin again, is moved between two commits.

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
    connection::{IfMissing, writing},
    error::explain,
};

/// The thread is woken each time the WAL has grown by so many bytes: rarely enough that a page which many commits touch is moved
/// once for all of them.
const STEP: u64 = 16 << 20;
/// A WAL of more bytes than this is emptied before the next commit.
const LIMIT: u64 = 4 * STEP;
/// How long a commit waits for readers to leave a WAL that is too long.
const PATIENCE: Duration = Duration::from_millis(100);

pub(super) struct Checkpointer {
    path: PathBuf,
    options: SqliteOptions,
    state: Mutex<State>,
    /// Held while pages are moved: SQLite lets one connection do it at a time.
    moving: Arc<Mutex<()>>,
}

struct State {
    /// The thread, once it is needed.
    thread: Option<(SyncSender<()>, thread::JoinHandle<()>)>,
    /// Bytes of a page, once they are known.
    page: u64,
    /// Bytes of the WAL when the thread was woken last.
    woken_at: u64,
    /// How many bytes the WAL may have before it is emptied.
    limit: u64,
}

impl Checkpointer {
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> Self {
        let state = State { thread: None, page: 0, woken_at: 0, limit: LIMIT };
        Self { path: path.to_owned(), options: options.clone(), state: Mutex::new(state), moving: Arc::default() }
    }

    /// Looks how long the WAL is after a commit on `connection`, and has it emptied if that is too long. What fails here is
    /// tried again after another commit; the commit stands.
    pub(super) fn after_commit(&self, connection: &Connection) {
        if let Err(error) = self.bound_wal(connection) {
            tracing::warn!(%error, "the write-ahead log could not be emptied");
        }
    }

    fn bound_wal(&self, connection: &Connection) -> Result<(), StoreError> {
        let pages = checkpoint(connection, "PRAGMA wal_checkpoint(NOOP)")?.pages;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.page == 0 {
            state.page = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(explain)?;
        }
        let bytes = pages * state.page;
        state.woken_at = state.woken_at.min(bytes);
        if bytes > state.limit {
            // SQLite begins the WAL again when all of it is in the file and nobody reads from it. Readers that take turns
            // without a pause would let it grow. One that reads for long must not stop the writer: then it is tried again
            // when the WAL has grown by half as much.
            let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
            connection.busy_timeout(PATIENCE).map_err(explain)?;
            let emptied = checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
            connection.busy_timeout(self.options.busy_timeout).map_err(explain)?;
            let is_empty = emptied.as_ref().is_ok_and(|emptied| !emptied.busy);
            state.limit = if is_empty { LIMIT } else { bytes + LIMIT / 2 };
            emptied?;
        } else if bytes >= state.woken_at + STEP {
            state.woken_at = bytes;
            if state.thread.is_none() {
                state.thread = self.start();
            }
            // If it has not done with the last step, it finds this one as well.
            let _ = state.thread.as_ref().map(|(wake, _)| wake.try_send(()));
        }
        Ok(())
    }

    /// Without a thread the WAL grows to its limit and is emptied between two commits.
    fn start(&self) -> Option<(SyncSender<()>, thread::JoinHandle<()>)> {
        let (wake, woken) = sync_channel(1);
        let (path, options, moving) = (self.path.clone(), self.options.clone(), Arc::clone(&self.moving));
        let thread = thread::Builder::new().name("cantus-checkpoint".into());
        Some((wake, thread.spawn(move || keep_moving(&path, &options, &moving, &woken)).ok()?))
    }
}

impl Drop for Checkpointer {
    /// Waits for the thread: when the store is closed, its file is too.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((wake, thread)) = state.thread.take() {
            drop(wake);
            let _ = thread.join();
        }
    }
}

/// Moves pages whenever it is woken, until nobody can wake it any more.
fn keep_moving(path: &Path, options: &SqliteOptions, moving: &Mutex<()>, woken: &Receiver<()>) {
    let mut connection = None;
    while woken.recv().is_ok() {
        let _moving = moving.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = connection.take().map_or_else(|| writing(path, options, IfMissing::Fail), Ok);
        match opened.and_then(|open| checkpoint(&open, "PRAGMA wal_checkpoint(PASSIVE)").map(|_| open)) {
            Ok(open) => connection = Some(open),
            Err(error) => tracing::warn!(%error, "the write-ahead log was not moved into the store"),
        }
    }
}

/// What SQLite says of a checkpoint.
struct Checkpoint {
    busy: bool,
    /// Pages in the WAL.
    pages: u64,
}

fn checkpoint(connection: &Connection, pragma: &str) -> Result<Checkpoint, StoreError> {
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Checkpoint { busy: row.get(0)?, pages: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0) })
    };
    connection.prepare_cached(pragma).and_then(|mut statement| statement.query_row([], read)).map_err(explain)
}
