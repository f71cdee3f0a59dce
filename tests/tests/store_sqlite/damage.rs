//! A full disk and a damaged file.

use std::sync::Arc;

use cantus_model::{Digest, EntryResult, EventQuery, PageLimit, Snapshot, ports::StoreError};
use cantus_store::{SqliteOptions, SqliteStore};
use cantus_tests::store_suite::given::*;

use super::{fixture, open, tamper};

#[tokio::test]
async fn a_full_disk_stops_writing_and_loses_nothing() {
    let (_folder, _, url) = fixture();
    let options = SqliteOptions { max_bytes: Some(400_000), ..SqliteOptions::default() };
    let full: Subject = Arc::new(SqliteStore::open_with(&url, options).await.unwrap());
    let claim = full.claim(PartitionId::FIRST).await.unwrap();
    let payload = "p".repeat(2_000);
    let batch = |n: u64| [accepted(&format!("a{n}"), "a", n, &[&payload]), accepted(&format!("b{n}"), "b", n, &["x"])];
    let mut count = 0;
    let error = loop {
        match full.commit(claim, &batch(count)).await {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
        assert!(count < 1_000, "the disk never filled up");
    };
    let StoreError::Unwritable(text) = &error else { panic!("{error}") };
    assert!(text.contains("make room on its disk"), "{text}");
    assert!(count > 10);

    assert_eq!(full.log_head(PartitionId::FIRST).await.unwrap(), count * 2, "nothing of the failed batch is visible");
    assert_eq!(full.command(&format!("b{count}")).await.unwrap(), None);
    assert_whole(&full).await;
    assert!(matches!(full.commit(claim, &batch(count)).await, Err(StoreError::Unwritable(_))), "it stays full");
    assert!(matches!(full.commit(claim, &[probe("a0", "a")]).await.unwrap()[..], [EntryResult::Duplicate(_)]));
    drop(full);

    let store = open(&url).await;
    let results = commit(&store, claim, &batch(count)).await;
    assert_eq!(results, [committed(count + 1, count * 2), committed(count + 1, count * 2 + 1)]);
    assert_whole(&store).await;
}

#[tokio::test]
async fn a_damaged_snapshot_is_not_used() {
    for damage in [
        "UPDATE snapshot SET state = x'00'",
        "UPDATE snapshot SET version = 1",
        "INSERT INTO decider VALUES (9, zeroblob(32)); UPDATE snapshot SET decider = 9",
        "UPDATE snapshot SET checksum = 7",
    ] {
        let (_folder, path, url) = fixture();
        let store = open(&url).await;
        let claim = store.claim(PartitionId::FIRST).await.unwrap();
        commit(&store, claim, &[accepted("c1", "a", 0, &["x", "y"])]).await;
        let component = Digest::of(b"c");
        let saved = Snapshot { aggregate: account("a"), version: 2, component, state: b"state".to_vec() };
        store.save_snapshots(claim, std::slice::from_ref(&saved)).await.unwrap();
        assert_eq!(store.load_snapshot(&account("a"), component).await.unwrap(), Some(saved.clone()));
        tamper(&path, damage);
        assert_eq!(store.load_snapshot(&account("a"), component).await.unwrap(), None, "{damage}");
        store.save_snapshots(claim, std::slice::from_ref(&saved)).await.unwrap();
        assert_eq!(store.load_snapshot(&account("a"), component).await.unwrap(), Some(saved), "saved again");
    }
}

#[tokio::test]
async fn a_missing_event_is_refused_and_never_skipped() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["1", "2", "3"]), accepted("c2", "b", 0, &["4"])]).await;
    tamper(&path, "DELETE FROM event WHERE pk = 1");
    let corrupt = |error: StoreError| matches!(&error, StoreError::Corrupt(text) if text.contains("missing"));
    assert!(corrupt(store.read_stream(&account("a"), 0, PageLimit::events(9)).await.unwrap_err()));
    assert!(corrupt(store.read_stream(&account("a"), 1, PageLimit::events(9)).await.unwrap_err()));
    for aggregate in [None, Some(account("a"))] {
        assert!(corrupt(
            store
                .read_events(&EventQuery { aggregate, after: None, limit: 9, ..Default::default() })
                .await
                .unwrap_err()
        ));
    }
    assert_eq!(payloads(&store, "b").await, ["4"]);
    assert_eq!(store.read_stream(&account("a"), 2, PageLimit::events(9)).await.unwrap().payloads(), b"3");
}

#[tokio::test]
async fn a_commit_behind_a_wrong_head_fails() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["1"])]).await;
    tamper(&path, "UPDATE partition SET head = 0");
    let error = store.commit(claim, &[accepted("c2", "b", 0, &["2"])]).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    assert_eq!(store.command("c2").await.unwrap(), None);
    tamper(&path, "UPDATE partition SET head = 1");
    assert_eq!(commit(&store, claim, &[accepted("c2", "b", 0, &["2"])]).await, [committed(1, 1)]);
}
