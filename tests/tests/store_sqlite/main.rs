//! What only a store on disk can suffer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activations;
mod damage;
mod heads;
mod history;
mod integrity;
mod large;
mod meeting;
mod opening;
mod presence;
mod upgrade;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cantus_store::SqliteStore;
use cantus_tests::store_suite::given::Subject;
use rusqlite::Connection;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cantus.db");
    let url = format!("sqlite:{}", path.display());
    (folder, path, url)
}

async fn open(url: &str) -> Subject {
    Arc::new(SqliteStore::open(url).await.unwrap())
}

/// Gets at the file past the store.
fn tamper(path: &Path, sql: &'static str) {
    raw(path).execute_batch(sql).unwrap();
}

/// A neighbour on the same file.
fn raw(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection
}
