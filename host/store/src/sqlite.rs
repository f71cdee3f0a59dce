//! The embedded store: one SQLite file in WAL mode, every commit followed by an fsync.

mod activations;
pub mod ceiling;
mod connection;
mod error;
mod history;
mod hydrate;
mod journal;
mod migration;
mod reader;
mod recent;
mod rows;
mod snapshots;
mod statement;

use std::path::Path;

use cantus_model::ports::{Claim, StoreError};
use connection::{Transaction, Writer};
use sqlx::SqlitePool;

use crate::location::Location;

pub use connection::SqliteOptions;

/// An event store in one SQLite file. Dropping it closes the file; nothing that was answered is lost either way.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    /// `None` if it was opened to be read only.
    writer: Option<Writer>,
}

impl SqliteStore {
    /// Opens `sqlite:PATH` for writing and reading. Makes the file and its folder if they are missing, and brings an
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

    /// Opens `sqlite:PATH` for reading. Makes nothing and changes nothing; writing is refused.
    ///
    /// # Errors
    /// If there is no store, or it cannot be read by this version of Cantus.
    pub async fn open_read_only(url: &str) -> Result<Self, StoreError> {
        Self::open_read_only_at(&Location::sqlite_path(url)?, SqliteOptions::default()).await
    }

    pub(crate) async fn open_at(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        connection::make_folder(path).await?;
        let writer = Writer::new(&options, path);
        migration::apply(&writer, path).await?;
        Ok(Self { readers: options.readers(path), writer: Some(writer) })
    }

    pub(crate) async fn open_read_only_at(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        if !path.exists() {
            let path = path.display();
            return Err(StoreError::Other(format!("there is no store at {path}: run commands first, or name another")));
        }
        let readers = options.readers(path);
        migration::check(&readers, path).await?;
        Ok(Self { readers, writer: None })
    }

    /// Refuses a writer that was replaced.
    async fn check_claim(connection: &mut sqlx::SqliteConnection, claim: Claim) -> Result<(), StoreError> {
        let epoch: i64 = sqlx::query_scalar("SELECT writer_epoch FROM partition WHERE id = 0")
            .fetch_one(connection)
            .await
            .map_err(error::explain)?;
        if epoch.unsigned_abs() == claim.epoch { Ok(()) } else { Err(StoreError::Fenced) }
    }

    async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        self.writer()?.begin().await
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or_else(|| StoreError::Unwritable("it was opened to be read only".into()))
    }
}
