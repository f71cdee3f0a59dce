//! Claims and commits: one transaction for each batch.

use async_trait::async_trait;
use cantus_model::{
    Entry, EntryResult, PartitionId,
    ports::{Claim, Journal, StoreError},
};

use super::{SqliteStore, reader_pool::run_blocking};

#[async_trait]
impl Journal for SqliteStore {
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError> {
        let writer = self.log_writer()?;
        run_blocking(move || writer.claim(partition)).await
    }

    /// Blocks its thread: a committer has one of its own, and a change of threads costs more than writing the rows.
    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        self.log_writer()?.commit(claim, entries)
    }
}
