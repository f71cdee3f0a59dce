//! Whether the file that is written to is still the one at the store's path. A file that was moved or removed takes writes as
//! before, into nothing; and so does a WAL.

use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use cantus_model::ports::StoreError;

use super::connection::wal;

/// Device and inode.
type Identity = (u64, u64);

/// One file and what it was when it was first seen.
struct Watched {
    path: PathBuf,
    first: Mutex<Option<Identity>>,
}

/// The files of a store that is being written.
pub(super) struct Presence {
    store: Watched,
    wal: Watched,
    /// What is lost stays lost: nobody knows what would be found at the path later.
    lost: OnceLock<String>,
}

impl Presence {
    pub(super) fn new(path: &Path) -> Self {
        let watched = |path| Watched { path, first: Mutex::default() };
        Self { store: watched(path.to_owned()), wal: watched(wal(path)), lost: OnceLock::new() }
    }

    /// A new connection is opened: the one before may have taken its WAL along.
    pub(super) fn expect_new_wal(&self) {
        *self.wal.first() = None;
    }

    /// Compares the store's file alone with what it was; its WAL is not known before there is a connection.
    pub(super) fn check_file(&self) -> Result<(), StoreError> {
        self.check_for(|| self.store.loss())
    }

    /// Compares the files with what they were when they were first seen.
    ///
    /// # Errors
    /// [`StoreError::Lost`], now and at every later call.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.check_for(|| self.store.loss().or_else(|| self.wal.loss()))
    }

    fn check_for(&self, loss: impl FnOnce() -> Option<String>) -> Result<(), StoreError> {
        if self.lost.get().is_none()
            && let Some(lost) = loss()
        {
            let _ = self.lost.set(lost);
        }
        match self.lost.get() {
            Some(lost) => Err(StoreError::Lost(lost.clone())),
            None => Ok(()),
        }
    }
}

impl Watched {
    fn first(&self) -> MutexGuard<'_, Option<Identity>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of it, if it is not the file that was first seen.
    fn loss(&self) -> Option<String> {
        let (path, mut first) = (self.path.display(), self.first());
        match (self.path.metadata(), *first) {
            (Ok(file), Some(first)) if identity(&file) != first => {
                Some(format!("{path} was replaced by another file while the host was running"))
            }
            (Ok(file), None) => {
                *first = Some(identity(&file));
                None
            }
            (Err(error), Some(_)) if error.kind() == io::ErrorKind::NotFound => {
                Some(format!("{path} was moved or removed while the host was running"))
            }
            _ => None,
        }
    }
}

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino())
}
