//! Checks that the file that is written to is still the one at the store's path. A database file or a WAL that was moved or
//! removed still accepts writes, and they are lost.

use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use cantus_model::ports::StoreError;

use super::connection::wal_path;

/// Device and inode.
type FileIdentity = (u64, u64);

/// A file and its identity at the first look.
struct WatchedFile {
    path: PathBuf,
    first: Mutex<Option<FileIdentity>>,
}

/// The files of a store that is being written.
pub(super) struct FileMonitor {
    store: WatchedFile,
    wal: WatchedFile,
    /// The reason why the store is lost. It stays lost, because a file that appears at the path later may be another one.
    lost: OnceLock<String>,
}

impl FileMonitor {
    pub(super) fn new(path: &Path) -> Self {
        let watched = |path| WatchedFile { path, first: Mutex::default() };
        Self { store: watched(path.to_owned()), wal: watched(wal_path(path)), lost: OnceLock::new() }
    }

    /// Accepts another WAL: a new connection is opened, and the one before may have removed its WAL.
    pub(super) fn expect_new_wal(&self) {
        *self.wal.first() = None;
    }

    /// Checks the database file alone; the WAL exists only once there is a connection.
    pub(super) fn check_database_file(&self) -> Result<(), StoreError> {
        self.check_with(|| self.store.find_loss())
    }

    /// Checks that the files are those of the first look.
    ///
    /// # Errors
    /// [`StoreError::Lost`], now and at every later call.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.check_with(|| self.store.find_loss().or_else(|| self.wal.find_loss()))
    }

    fn check_with(&self, find_loss: impl FnOnce() -> Option<String>) -> Result<(), StoreError> {
        if self.lost.get().is_none()
            && let Some(lost) = find_loss()
        {
            let _ = self.lost.set(lost);
        }
        match self.lost.get() {
            Some(lost) => Err(StoreError::Lost(lost.clone())),
            None => Ok(()),
        }
    }
}

impl WatchedFile {
    fn first(&self) -> MutexGuard<'_, Option<FileIdentity>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what happened to the file, if it is not the one of the first look.
    fn find_loss(&self) -> Option<String> {
        let (path, mut first) = (self.path.display(), self.first());
        match (self.path.metadata(), *first) {
            (Ok(file), Some(first)) if identify(&file) != first => {
                Some(format!("{path} was replaced by another file while the host was running"))
            }
            (Ok(file), None) => {
                *first = Some(identify(&file));
                None
            }
            (Err(error), Some(_)) if error.kind() == io::ErrorKind::NotFound => {
                Some(format!("{path} was moved or removed while the host was running"))
            }
            _ => None,
        }
    }
}

fn identify(file: &Metadata) -> FileIdentity {
    (file.dev(), file.ino())
}
