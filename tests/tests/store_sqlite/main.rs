//! Behaviour of the SQLite store beyond the store suite: damage, locks, lost files, restarts, size.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activations;
mod components;
mod concurrency;
mod damage;
mod heads;
mod history;
mod integrity;
mod million_commands;
mod moved_files;
mod opening;
mod upgrade;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cantus_store::SqliteStore;
use cantus_tests::store_suite::given::Subject;
use rusqlite::Connection;
use tempfile::TempDir;

/// Creates a folder. Returns the path and the URL of a store in it that does not exist yet.
fn fixture() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cantus.db");
    let url = format!("sqlite:{}", path.display());
    (folder, path, url)
}

async fn open(url: &str) -> Subject {
    Arc::new(SqliteStore::open(url).await.unwrap())
}

/// Changes the file without the store.
fn tamper(path: &Path, sql: &'static str) {
    open_raw(path).execute_batch(sql).unwrap();
}

/// Opens the file without the store, as another process would.
fn open_raw(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection
}
