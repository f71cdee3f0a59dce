//! History, stream by stream. Commands are stored in the order in which they were recorded, and an index from a stream to its
//! commands would cost every commit a page. So a reader first sorts their keys into a temporary table on disk, and then reads the
//! commands in that order. Each step is a short transaction of its own, so that a reader that takes hours does not keep the WAL from
//! being emptied; recorded rows do not change.

mod reader;
mod selection;

use async_trait::async_trait;
use cantus_model::{
    HistoryQuery,
    ports::{History, HistorySource, StoreError},
};
use reader::HistoryReader;
use selection::select;

use super::{SqliteStore, error::explain, reader_pool::run_blocking};

/// Bytes of a reader's page cache, and of the keys that it sorts in memory before it uses the disk.
const CACHE_BYTES: u64 = 32 << 20;

#[async_trait]
impl HistorySource for SqliteStore {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        let session = self.readers.open().await?;
        let (query, info) = (query.clone(), self.info.clone());
        let select = move || {
            let settings = format!("PRAGMA cache_size = -{}; PRAGMA temp_store = FILE;", CACHE_BYTES / 1024);
            session.connection.execute_batch(&settings).map_err(explain)?;
            let commands = select(&session.connection, &info, &query)?;
            Ok(HistoryReader::new(session, commands))
        };
        Ok(Box::new(run_blocking(select).await?))
    }
}
