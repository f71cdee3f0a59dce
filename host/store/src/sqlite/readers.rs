//! The connections that read, on threads that may block.

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
    connection::{Session, reading, run},
};

/// How long a reading waits for a connection that is free.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bounded number of connections; they are opened when they are needed.
#[derive(Clone)]
pub(super) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    options: SqliteOptions,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Readers {
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> Self {
        let permits = Arc::new(Semaphore::new(options.readers.max(1)));
        let (path, options) = (path.to_owned(), options.clone());
        Self { shared: Arc::new(Shared { path, options, permits, idle: Mutex::default() }) }
    }

    /// The store's path.
    pub(super) fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Runs `work`, whose statements all see one committed state.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.shared.permits).acquire_owned());
        let permit = permit.await.map_err(|_| StoreError::Transient("all readers are busy".into()))?;
        let shared = Arc::clone(&self.shared);
        let reading = move || {
            let _permit = permit;
            shared.read(work)
        };
        blocking(reading).await
    }

    /// Opens a connection of the caller's own.
    pub(super) async fn open(&self) -> Result<Session, StoreError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.open()).await
    }
}

impl Shared {
    fn open(&self) -> Result<Session, StoreError> {
        Ok(Session::new(reading(&self.path, &self.options)?))
    }

    fn read<T>(&self, work: impl FnOnce(&mut Session) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut session = taken.map_or_else(|| self.open(), Ok)?;
        run(&session.connection, "BEGIN")?;
        let result = work(&mut session)?;
        run(&session.connection, "COMMIT")?;
        idle().push(session); // one that failed is closed
        Ok(result)
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Other(format!("the store failed: {error}")))?
}
