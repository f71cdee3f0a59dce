//! The connections that read, used on threads that may block.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cantus_model::ports::StoreError;
use tokio::sync::Semaphore;

use super::{
    SqliteOptions,
    connection::{Session, open_reader, read_one_state},
};

/// The time that a read waits for a free connection.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(30);

/// A bounded number of connections, opened on demand.
#[derive(Clone)]
pub(super) struct ReaderPool {
    shared: Arc<SharedPool>,
}

struct SharedPool {
    path: PathBuf,
    options: SqliteOptions,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
}

impl fmt::Debug for ReaderPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderPool").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl ReaderPool {
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> Self {
        let permits = Arc::new(Semaphore::new(options.readers.max(1)));
        let (path, options) = (path.to_owned(), options.clone());
        Self { shared: Arc::new(SharedPool { path, options, permits, idle: Mutex::default() }) }
    }

    /// Returns the store's path.
    pub(super) fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Runs `work`. All of its statements see one committed state.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = tokio::time::timeout(WAIT_FOR_CONNECTION, Arc::clone(&self.shared.permits).acquire_owned());
        let permit =
            permit.await.map_err(|_| StoreError::Transient("all of its readers are busy: try again".into()))?;
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let _permit = permit;
            shared.read(work)
        };
        run_blocking(read).await
    }

    /// Opens a connection that only the caller uses.
    pub(super) async fn open(&self) -> Result<Session, StoreError> {
        let shared = Arc::clone(&self.shared);
        run_blocking(move || shared.open()).await
    }

    /// As [`Self::read`], on the thread of the caller and on a connection of its own: for what is seldom read.
    pub(super) fn read_blocking<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        read_one_state(&mut self.shared.open()?, work)
    }
}

impl SharedPool {
    fn open(&self) -> Result<Session, StoreError> {
        Ok(Session::new(open_reader(&self.path, &self.options)?))
    }

    fn read<T>(&self, work: impl FnOnce(&mut Session) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let free = idle().pop();
        let mut session = free.map_or_else(|| self.open(), Ok)?;
        let result = read_one_state(&mut session, work)?;
        idle().push(session); // a connection that failed is closed
        Ok(result)
    }
}

/// Runs `work` on a thread that may block.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Other(format!("its work ended without a result: {error}")))?
}
