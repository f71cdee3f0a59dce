//! The embedded store: one SQLite file in WAL mode, every commit followed by an fsync.

mod activations;
pub mod ceiling;
mod check;
mod checkpointer;
mod connection;
mod error;
mod history;
mod hydrate;
mod journal;
mod key;
mod migration;
mod names;
mod ownership;
mod packed;
mod presence;
mod reader;
mod readers;
mod recent;
mod rows;
mod snapshots;
mod stream_cache;
mod upgrade;
mod writer;

use std::{path::Path, sync::Arc};

use cantus_model::{LogInfo, ports::StoreError};
use readers::{Readers, blocking};
use writer::Writer;

use crate::{heads::HeadsFile, location::Location};

pub use connection::SqliteOptions;

/// An event store in one SQLite file. Dropping it closes the file; nothing that was answered is lost either way.
#[derive(Debug)]
pub struct SqliteStore {
    info: LogInfo,
    readers: Readers,
    /// `None` if it was opened to be read only.
    writing: Option<Arc<Writing>>,
}

/// What writes.
#[derive(Debug)]
struct Writing {
    info: LogInfo,
    writer: Writer,
    heads: HeadsFile,
}

impl SqliteStore {
    /// Opens `sqlite:PATH` for writing and reading. Creates the file and its folder if they are missing, and brings an
    /// older store up to date.
    ///
    /// # Errors
    /// If the file cannot be opened or written, or is no Cantus store.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, SqliteOptions::default()).await
    }

    /// As [`Self::open`], with bounds of your own.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &str, options: SqliteOptions) -> Result<Self, StoreError> {
        Self::open_at(&Location::sqlite_path(url)?, options).await
    }

    /// Opens `sqlite:PATH` for reading. Creates nothing and changes nothing; writing is refused.
    ///
    /// # Errors
    /// If there is no store, or it cannot be read by this version of Cantus.
    pub async fn open_read_only(url: &str) -> Result<Self, StoreError> {
        Self::open_read_only_at(&Location::sqlite_path(url)?, SqliteOptions::default()).await
    }

    pub(crate) async fn open_at(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let (of, with) = (path.to_owned(), options.clone());
        let info = blocking(move || {
            connection::make_folder(&of)?;
            let info = migration::apply(&of, &with).map_err(|error| ownership::explain_lock(&of, error))?;
            Ok((info, connection::resolve(&of)))
        });
        let (info, path) = info.await?;
        let (writer, heads) = (Writer::new(&path, &options), HeadsFile::of(&path));
        let writing = Some(Arc::new(Writing { info: info.clone(), writer, heads }));
        Ok(Self { info, readers: Readers::new(&path, &options), writing })
    }

    pub(crate) async fn open_read_only_at(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        if !path.exists() {
            let path = path.display();
            return Err(StoreError::Other(format!("there is no store at {path}: run commands first, or name another")));
        }
        let readers = Readers::new(&connection::resolve(path), &options);
        let info = readers.read(|session| migration::check(&session.connection)).await;
        let info = info.map_err(|error| migration::at(path, error))?;
        Ok(Self { info, readers, writing: None })
    }

    /// Takes the store as it is for the one that was written last. Returns how far its partitions have come.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) async fn accept(&self) -> Result<Vec<crate::Head>, StoreError> {
        let writing = self.writing()?;
        blocking(move || writing.accept()).await
    }

    fn writing(&self) -> Result<Arc<Writing>, StoreError> {
        self.writing.clone().ok_or_else(|| StoreError::Unwritable("it was opened to be read only".into()))
    }
}
