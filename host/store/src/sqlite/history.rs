//! History, stream by stream. Commands lie in the order in which they were recorded, and an index that led from a stream to
//! its commands would cost every commit a page. So a reading sorts their keys first, into a temporary table on disk, and
//! then fetches the commands in that order. Each step reads the log in a short transaction of its own, so that a reading
//! which takes hours does not keep the WAL from being emptied; what is recorded does not change any more.

mod page;
mod selection;

use async_trait::async_trait;
use cantus_model::{
    HistoryQuery,
    ports::{History, HistorySource, StoreError},
};

use super::{SqliteStore, error::explain, readers::blocking};

/// Bytes of a reading's page cache, and of what it sorts in memory before it goes to disk.
const CACHE: u64 = 32 << 20;
/// Commands that one transaction looks through.
pub(super) const WINDOW: u64 = 16_384;

#[async_trait]
impl HistorySource for SqliteStore {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        let session = self.readers.open().await?;
        let (query, info) = (query.clone(), self.info.clone());
        let reading = move || {
            let settings = format!("PRAGMA cache_size = -{}; PRAGMA temp_store = FILE;", CACHE / 1024);
            session.connection.execute_batch(&settings).map_err(explain)?;
            let commands = selection::select(&session.connection, &info, &query)?;
            Ok(page::Reading::new(session, commands))
        };
        Ok(Box::new(blocking(reading).await?))
    }
}
