//! The schema's versions.

use std::path::Path;

use cantus_model::ports::StoreError;
use sqlx::{
    Connection, SqlitePool,
    migrate::{MigrateError, Migrator},
};

use super::{connection::Writer, error::explain};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// Brings the store up to date. Takes the write lock first, so that of two processes one waits for the other.
pub(super) async fn apply(writer: &Writer, path: &Path) -> Result<(), StoreError> {
    let mut connection = writer.connect().await.map_err(|error| at(path, error))?;
    let mut transaction =
        connection.begin_with("BEGIN IMMEDIATE").await.map_err(explain).map_err(|error| at(path, error))?;
    // `run` has the same body, but its future cannot move between threads.
    MIGRATOR.run_direct(None, &mut *transaction, false).await.map_err(|error| at(path, refuse(error)))?;
    // SQLite begins on a read-only file as well. Better to find out now than at the first command.
    sqlx::query("UPDATE partition SET head = head")
        .execute(&mut *transaction)
        .await
        .map_err(|error| at(path, explain(error)))?;
    transaction.commit().await.map_err(explain)?;
    connection.close().await.map_err(explain)
}

/// Refuses a store that this build cannot read as it is.
pub(super) async fn check(readers: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let newest = MIGRATOR.iter().map(|migration| migration.version).max();
    let applied: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(readers)
        .await
        .map_err(|error| match error.to_string().contains("no such table") {
            true => StoreError::Other("it is not a Cantus store: name another".into()),
            false => explain(error),
        })
        .map_err(|error| at(path, error))?;
    match applied.cmp(&newest) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(at(path, newer())),
        std::cmp::Ordering::Less => Err(at(
            path,
            StoreError::Other("an older Cantus wrote it: run commands once to bring it up to date".into()),
        )),
    }
}

fn refuse(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => explain(error),
        MigrateError::VersionMissing(_) => newer(),
        other => StoreError::Corrupt(other.to_string()),
    }
}

fn newer() -> StoreError {
    StoreError::Other("a newer Cantus wrote it: use that one".into())
}

/// Names the file in an error's text.
fn at(path: &Path, error: StoreError) -> StoreError {
    let path = path.display();
    match error {
        StoreError::Fenced => StoreError::Fenced,
        StoreError::Lost(text) => StoreError::Lost(format!("{path}: {text}")),
        StoreError::Unwritable(text) => StoreError::Unwritable(format!("{path}: {text}")),
        StoreError::Transient(text) => StoreError::Transient(format!("{path}: {text}")),
        StoreError::Corrupt(text) => StoreError::Corrupt(format!("{path}: {text}")),
        StoreError::Other(text) => StoreError::Other(format!("{path}: {text}")),
    }
}
