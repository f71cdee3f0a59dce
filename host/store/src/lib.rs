//! The event store adapters: [`SqliteStore`] on disk, and [`MemoryStore`], the reference that the tests compare it with.
//!
//! Only this crate names rusqlite, and transactions never leave it. The SQLite adapter judges a batch with the `planner`,
//! which does no I/O; `command_fields` and `integrity` have the canonical bytes of a row, its checksum, and the hash chain of
//! commits.

mod check_report;
mod command_fields;
mod heads;
mod integrity;
mod location;
mod memory;
mod newest_commands;
mod planner;
mod port_errors;
mod sqlite;
pub mod tape;

use std::{path::PathBuf, sync::Arc};

use cantus_model::ports::{Store, StoreError};
use location::Location;

pub use check_report::CheckReport;
pub use heads::Head;
pub use memory::MemoryStore;
pub use sqlite::{SqliteOptions, SqliteStore, ceiling};

/// Opens the store at `url` for writing and reading; creates it if there is none.
///
/// `sqlite:PATH` is a file; `memory:` is lost when it is dropped. A new store gets a log of `partitions` partitions; an
/// existing one keeps its number of partitions.
///
/// # Errors
/// If the URL names no store that this build knows, or the store cannot be opened; the message says what to do.
pub async fn open(url: &str, partitions: u32) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match Location::parse(url)? {
        Location::Memory => Arc::new(MemoryStore::with_partitions(partitions)),
        Location::Sqlite(path) => {
            let options = SqliteOptions { partitions, ..SqliteOptions::default() };
            Arc::new(SqliteStore::open_at(&path, options).await?)
        }
    })
}

/// Opens the store at `url` for reading. Creates nothing.
///
/// # Errors
/// As [`open`], and if there is no store.
pub async fn open_read_only(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match Location::parse(url)? {
        Location::Memory => Err(StoreError::Other("memory: holds nothing to read: name a store on disk".into())),
        Location::Sqlite(path) => Ok(Arc::new(SqliteStore::open_read_only_at(&path, SqliteOptions::default()).await?)),
    }
}

/// Reads the whole store at `url` and reports everything in it that contradicts itself. Writes nothing. `progress` is called
/// with the number of commands of a partition that are checked and the number of all of them.
///
/// # Errors
/// As [`open_read_only`].
pub async fn check(url: &str, progress: impl Fn(u64, u64) + Send + 'static) -> Result<CheckReport, StoreError> {
    let path = Location::sqlite_path(url)?;
    let store = SqliteStore::open_read_only_at(&path, SqliteOptions::default()).await?;
    store.check(progress).await
}

/// Accepts the store at `url` as the one that was written last, although it went back in time. Returns the heads of its
/// partitions.
///
/// # Errors
/// If it cannot be written.
pub async fn accept(url: &str) -> Result<Vec<Head>, StoreError> {
    SqliteStore::open_at(&Location::sqlite_path(url)?, SqliteOptions::default()).await?.accept().await
}

/// Lists the files that belong to the store at `url`, existing or not. Nothing else may write to them.
pub fn files(url: &str) -> Vec<PathBuf> {
    let Ok(path) = Location::sqlite_path(url) else { return Vec::new() };
    let with_suffix = |suffix| {
        let mut file = path.clone();
        file.as_mut_os_string().push(suffix);
        file
    };
    ["", "-wal", "-shm", "-heads"].map(with_suffix).into()
}
