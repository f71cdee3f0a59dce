//! The conformance suite on every store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use cantus_model::ports::Store;
use cantus_store::{MemoryStore, SqliteStore};

cantus_tests::store_suite!(memory, async || (Arc::new(MemoryStore::default()) as Arc<dyn Store>, ()));

cantus_tests::store_suite!(sqlite, async || {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("made/on/the/way/cantus.db").display());
    (Arc::new(SqliteStore::open(&url).await.unwrap()) as Arc<dyn Store>, folder)
});
