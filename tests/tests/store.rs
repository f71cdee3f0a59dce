//! Runs the store suite on every store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use cantus_model::ports::Store;
use cantus_store::{MemoryStore, SqliteOptions, SqliteStore};
use tempfile::TempDir;

cantus_tests::store_suite!(memory, async || (Arc::new(MemoryStore::default()) as Arc<dyn Store>, ()));

cantus_tests::store_suite!(sqlite, async || sqlite(1).await);

cantus_tests::partition_suite!(memory_in_partitions, async || {
    (Arc::new(MemoryStore::with_partitions(3)) as Arc<dyn Store>, ())
});

cantus_tests::partition_suite!(sqlite_in_partitions, async || sqlite(3).await);

async fn sqlite(partitions: u32) -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("made/on/the/way/cantus.db").display());
    let options = SqliteOptions { partitions, ..SqliteOptions::default() };
    (Arc::new(SqliteStore::open_with(&url, options).await.unwrap()), folder)
}
