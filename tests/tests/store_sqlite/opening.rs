//! Opening a store, and files that are refused.

use std::sync::Arc;

use cantus_model::{
    Digest, EntryResult, Snapshot,
    ports::{Journal, StoreError},
};
use cantus_store::SqliteStore;
use cantus_tests::store_suite::given::*;

use super::{fixture, open, tamper};

#[tokio::test]
async fn opening_for_reading_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("data/cantus.db").display());
    let error = SqliteStore::open_read_only(&url).await.unwrap_err().to_string();
    assert!(error.contains("there is no store at") && error.contains("data/cantus.db"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused() {
    let (folder, path, url) = fixture();
    std::fs::write(&path, "a text that is long enough to be no header of a database, ".repeat(100)).unwrap();
    for error in [SqliteStore::open(&url).await.unwrap_err(), SqliteStore::open_read_only(&url).await.unwrap_err()] {
        assert!(matches!(&error, StoreError::Corrupt(text) if text.contains("cantus.db")), "{error}");
    }
    let under_a_file = format!("sqlite:{}/sub/cantus.db", path.display());
    assert!(matches!(SqliteStore::open(&under_a_file).await, Err(StoreError::Unwritable(_))));
    let a_folder = format!("sqlite:{}", folder.path().display());
    assert!(matches!(SqliteStore::open(&a_folder).await, Err(StoreError::Unwritable(_))));

    let other = folder.path().join("other.db");
    std::fs::write(&other, "").unwrap();
    tamper(&other, "CREATE TABLE mine (id INTEGER)");
    let error = SqliteStore::open_read_only(&format!("sqlite:{}", other.display())).await.unwrap_err().to_string();
    assert!(error.contains("not a Cantus store"), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let (_folder, path, url) = fixture();
    drop(open(&url).await);
    tamper(&path, "PRAGMA user_version = 9999");
    for error in [SqliteStore::open(&url).await.unwrap_err(), SqliteStore::open_read_only(&url).await.unwrap_err()] {
        assert!(error.to_string().contains("a newer Cantus wrote it"), "{error}");
    }
}

#[tokio::test]
async fn a_store_opened_for_reading_refuses_to_write() {
    let (_folder, _, url) = fixture();
    let writer = open(&url).await;
    let claim = writer.claim(PartitionId::FIRST).await.unwrap();
    let reader: Subject = Arc::new(SqliteStore::open_read_only(&url).await.unwrap());
    assert_eq!(reader.log_head(PartitionId::FIRST).await.unwrap(), 0);
    commit(&writer, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    assert_eq!(payloads(&reader, "a").await, ["x"], "it follows the writer");
    let snapshot = Snapshot { aggregate: account("a"), version: 1, component: Digest::of(b"c"), state: vec![] };
    assert!(matches!(reader.claim(PartitionId::FIRST).await, Err(StoreError::Unwritable(_))));
    assert!(matches!(reader.commit(claim, &[accepted("c2", "a", 1, &["y"])]).await, Err(StoreError::Unwritable(_))));
    assert!(matches!(reader.save_snapshots(claim, &[snapshot]).await, Err(StoreError::Unwritable(_))));
}

#[tokio::test]
async fn a_read_only_file_can_be_read_and_not_written() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    drop(store);
    tamper(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[18] = 3;
    std::fs::write(&path, bytes).unwrap();

    let error = SqliteStore::open(&url).await.unwrap_err();
    let StoreError::Unwritable(text) = &error else { panic!("{error}") };
    assert!(text.contains("cantus.db") && text.contains("allow this user to write"), "{text}");
    let store: Subject = Arc::new(SqliteStore::open_read_only(&url).await.unwrap());
    assert_eq!(payloads(&store, "a").await, ["x"]);
}

#[tokio::test]
async fn many_hosts_open_a_new_store_at_once() {
    let (_folder, _, url) = fixture();
    let opening: Vec<_> = (0..6)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { SqliteStore::open(&url).await.unwrap().claim(PartitionId::FIRST).await.unwrap() })
        })
        .collect();
    let mut epochs = vec![];
    for task in opening {
        epochs.push(task.await.unwrap().epoch);
    }
    epochs.sort_unstable();
    assert_eq!(epochs, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn commits_survive_a_restart() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x", "y"]), rejected("c2", "a", 2)]).await;
    let before = (whole_log(&store).await, store.command("c2").await.unwrap());
    drop(store);

    let store = open(&url).await;
    assert_eq!((whole_log(&store).await, store.command("c2").await.unwrap()), before);
    assert_eq!(store.commit(claim, &[probe("c1", "a")]).await.map(|results| results.len()), Ok(1));
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entries = [accepted("c1", "a", 0, &["x", "y"]), accepted("c3", "b", 0, &["z"])];
    let results = commit(&store, claim, &entries).await;
    assert!(matches!(&results[..], [EntryResult::Duplicate(_), EntryResult::Committed { first_offset: Some(2), .. }]));
    assert_whole(&store).await;
}
