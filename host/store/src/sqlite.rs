//! The embedded store: one SQLite file in WAL mode. Each commit waits for its fsync.

mod activation_rows;
mod activations;
mod append;
pub mod ceiling;
mod check;
mod checkpointer;
mod columns;
mod command_row;
mod command_windows;
mod component_bytes;
mod connection;
mod dictionary;
mod error;
mod event_reader;
mod event_row;
mod file_monitor;
mod heads_check;
mod history;
mod hydrate;
mod journal;
mod key;
mod log_writer;
mod migration;
mod packed;
mod partition_row;
mod query;
mod reader_pool;
mod recent_commands;
mod schema;
mod snapshots;
mod stream_cache;
mod transaction_runner;
mod upgrade;

use std::{path::Path, sync::Arc};

use cantus_model::{LogInfo, ports::StoreError};
use connection::{create_folder, resolve};
use heads_check::explain_lock;
use log_writer::LogWriter;
use migration::{check_format, name_path, prepare_store};
use reader_pool::{ReaderPool, run_blocking};

use crate::{heads::Head, location::Location};

pub use connection::SqliteOptions;

/// An event store in one SQLite file. Dropping it closes the file; acknowledged commits are durable before that.
#[derive(Debug)]
pub struct SqliteStore {
    info: LogInfo,
    readers: ReaderPool,
    /// `None` if the store was opened for reading only.
    writer: Option<Arc<LogWriter>>,
}

impl SqliteStore {
    /// Opens `sqlite:PATH` for writing and reading. Creates the file and its folder if they are missing, and brings an
    /// older store up to date.
    ///
    /// # Errors
    /// If the file cannot be opened or written, or is no store of Cantus.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, SqliteOptions::default()).await
    }

    /// Opens the store as [`Self::open`] does, with other options.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &str, options: SqliteOptions) -> Result<Self, StoreError> {
        Self::open_at(&Location::sqlite_path(url)?, options).await
    }

    /// Opens `sqlite:PATH` for reading. Creates and changes nothing, and refuses to write.
    ///
    /// # Errors
    /// If there is no store, or it cannot be read by this version of Cantus.
    pub async fn open_read_only(url: &str) -> Result<Self, StoreError> {
        Self::open_read_only_at(&Location::sqlite_path(url)?, SqliteOptions::default()).await
    }

    pub(crate) async fn open_at(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let (given, prepare_with) = (path.to_owned(), options.clone());
        let prepare = move || {
            create_folder(&given)?;
            let info = prepare_store(&given, &prepare_with).map_err(|error| explain_lock(&given, error))?;
            Ok((info, resolve(&given)))
        };
        let (info, path) = run_blocking(prepare).await?;
        let writer = Some(Arc::new(LogWriter::new(&path, &options, info.clone())));
        Ok(Self { info, readers: ReaderPool::new(&path, &options), writer })
    }

    pub(crate) async fn open_read_only_at(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        if !path.exists() {
            let path = path.display();
            return Err(StoreError::Other(format!("there is no store at {path}: run commands first, or name another")));
        }
        let readers = ReaderPool::new(&resolve(path), &options);
        let info = readers.read(|session| check_format(&session.connection)).await;
        let info = info.map_err(|error| name_path(path, error))?;
        Ok(Self { info, readers, writer: None })
    }

    /// Accepts the store as the one that was written last. Returns the heads of its partitions.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) async fn accept(&self) -> Result<Vec<Head>, StoreError> {
        let writer = self.log_writer()?;
        run_blocking(move || writer.accept()).await
    }

    fn log_writer(&self) -> Result<Arc<LogWriter>, StoreError> {
        let refused = || StoreError::Unwritable("it was opened for reading only".into());
        self.writer.clone().ok_or_else(refused)
    }
}
