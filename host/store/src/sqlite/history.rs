//! History, stream by stream. Commands lie in the order in which they were recorded, and an index that led from a stream to
//! its commands would cost every commit a page. So a reading sorts their keys first, into a temporary table on disk, and
//! then fetches the commands in that order. Each step reads the log in a short transaction of its own, so that a reading
//! which takes hours does not keep the WAL from being emptied; what is recorded does not change any more.

mod packed;
mod page;
mod selection;

use async_trait::async_trait;
use cantus_model::{
    HistoryQuery,
    ports::{History, HistorySource, StoreError},
};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use super::{SqliteStore, error::explain};

/// Bytes of a reading's page cache, and of what it sorts in memory before it goes to disk.
const CACHE: u64 = 32 << 20;
/// Commands that one transaction looks through.
pub(super) const WINDOW: i64 = 16_384;

#[async_trait]
impl HistorySource for SqliteStore {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        let mut connection = self.reading().connect().await.map_err(explain)?;
        let commands = selection::select(&mut connection, query).await?;
        Ok(Box::new(page::Reading::new(connection, commands)))
    }
}

impl SqliteStore {
    /// How a reading connects: as a reader, with tables of its own that are not held in memory.
    fn reading(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::clone(&self.readers.connect_options())
            .pragma("cache_size", format!("-{}", CACHE / 1024))
            .pragma("temp_store", "FILE")
    }
}
