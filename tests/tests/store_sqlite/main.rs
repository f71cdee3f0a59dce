//! What only a store on disk can suffer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activations;
mod damage;
mod history;
mod large;
mod meeting;
mod opening;
mod upgrade;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cantus_store::SqliteStore;
use cantus_tests::store_suite::given::Subject;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
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
async fn tamper(path: &Path, sql: &'static str) {
    let mut connection = raw(path).await;
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A neighbour on the same file.
async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}
