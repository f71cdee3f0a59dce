//! The event store adapters: [`SqliteStore`] on disk and [`MemoryStore`], which says what a store does.
//!
//! Only this crate names rusqlite, and transactions never leave it. The adapters share the `planner`, which judges a
//! batch without any I/O, and `integrity`: the canonical bytes of a row, its checksum, and the chain of commits.

mod check;
mod heads;
mod integrity;
mod location;
mod memory;
mod planner;
mod sqlite;
pub mod tape;

use std::sync::Arc;

use cantus_model::{
    CommandRecord, ComponentRecord, Digest, PartitionId,
    ports::{Store, StoreError},
};
use location::Location;

pub use check::CheckReport;
pub use heads::Head;
pub use memory::MemoryStore;
pub use sqlite::{SqliteOptions, SqliteStore, ceiling};

/// Opens the store at `url` for writing and reading; makes it if there is none.
///
/// `sqlite:PATH` is a file, `memory:` is gone when it is dropped. A store that has to be created gets a log of so many
/// `partitions`; one that exists keeps its own.
///
/// # Errors
/// If the URL names no store that this build knows, or the store cannot be opened; the text says what to do.
pub async fn open(url: &str, partitions: u32) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match Location::parse(url)? {
        Location::Memory => Arc::new(MemoryStore::with_partitions(partitions)),
        Location::Sqlite(path) => {
            let options = SqliteOptions { partitions, ..SqliteOptions::default() };
            Arc::new(SqliteStore::open_at(&path, options).await?)
        }
    })
}

/// Opens the store at `url` for reading. Makes nothing.
///
/// # Errors
/// As [`open`], and if there is no store.
pub async fn open_read_only(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match Location::parse(url)? {
        Location::Memory => Err(StoreError::Other("memory: holds nothing to read: name a store on disk".into())),
        Location::Sqlite(path) => Ok(Arc::new(SqliteStore::open_read_only_at(&path, SqliteOptions::default()).await?)),
    }
}

/// Reads the whole store at `url` and reports everything in it that contradicts itself; `progress` hears how many of how many
/// commands of a partition were checked. Writes nothing.
///
/// # Errors
/// As [`open_read_only`].
pub async fn check(url: &str, progress: impl Fn(u64, u64) + Send + 'static) -> Result<CheckReport, StoreError> {
    let path = Location::sqlite_path(url)?;
    let store = SqliteStore::open_read_only_at(&path, SqliteOptions::default()).await?;
    store.check(progress).await
}

/// Takes the store at `url` as it is for the one that was written last, although it went back in time. Returns how far its
/// partitions have come.
///
/// # Errors
/// If it cannot be written.
pub async fn accept(url: &str) -> Result<Vec<Head>, StoreError> {
    SqliteStore::open_at(&Location::sqlite_path(url)?, SqliteOptions::default()).await?.accept().await
}

/// The files that belong to the store at `url`, whether they exist or not. Nobody else may write to them.
pub fn files(url: &str) -> Vec<std::path::PathBuf> {
    let Ok(path) = Location::sqlite_path(url) else { return Vec::new() };
    let beside = |end| {
        let mut file = path.clone();
        file.as_mut_os_string().push(end);
        file
    };
    ["", "-wal", "-shm", "-heads"].map(beside).into()
}

/// A log has partitions from 0 on, and no others.
fn no_partition(partition: PartitionId) -> StoreError {
    StoreError::Other(format!("this log has no partition {partition}"))
}

/// The newest `limit` of the newest commands of each partition, each the newest first. The result is the oldest first, by time.
fn merge_newest(partitions: impl Iterator<Item = Vec<CommandRecord>>, limit: usize) -> Vec<CommandRecord> {
    let mut partitions: Vec<_> = partitions.filter(|newest| !newest.is_empty()).collect();
    if let [only] = &mut partitions[..] {
        only.reverse();
        return std::mem::take(only);
    }
    let mut records: Vec<CommandRecord> = partitions.into_iter().flat_map(|newest| newest.into_iter().rev()).collect();
    records.sort_by_key(|record| record.context.now); // stable: time does not run backwards within a stream
    records.split_off(records.len().saturating_sub(limit))
}

/// Why `component` cannot go live: its name and version are another one's.
fn taken(component: &ComponentRecord, by: Digest) -> StoreError {
    let (name, version, digest) = (&component.manifest.name, &component.manifest.version, component.digest.short());
    let by = by.short();
    StoreError::Other(format!(
        "{name} {version} is {by} for ever, and {digest} is another: give it a version of its own"
    ))
}
