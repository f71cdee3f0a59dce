//! The bytes of components in a file: restarts, several hosts, damage, and stores without the table.

use std::sync::Arc;

use cantus_model::Digest;
use cantus_store::SqliteStore;
use cantus_tests::store_suite::{components::component_bytes, given::*};

use super::{fixture, open, open_raw, tamper};

async fn open_read_only(url: &str) -> Subject {
    Arc::new(SqliteStore::open_read_only(url).await.unwrap())
}

async fn problems(url: &str) -> Vec<String> {
    cantus_store::check(url, |_, _| ()).await.unwrap().problems
}

#[tokio::test]
async fn component_bytes_survive_a_restart_and_are_found_by_every_host() {
    let (_folder, _, url) = fixture();
    let bytes = component_bytes(1, 3_000_000);
    let digest = open(&url).await.put_component(&bytes).unwrap();
    let (first, second, reader) = (open(&url).await, open(&url).await, open_read_only(&url).await);
    let other = second.put_component(b"other").unwrap();
    for store in [&first, &second, &reader] {
        assert!(store.get_component(digest).unwrap().as_ref() == Some(&bytes));
        assert_eq!(store.get_component(other).unwrap(), Some(b"other".to_vec()));
    }
    let refused = reader.put_component(b"more").unwrap_err().to_string();
    assert!(refused.contains("reading only"), "{refused}");
    assert_eq!(problems(&url).await, Vec::<String>::new());
}

#[tokio::test]
async fn damaged_component_bytes_are_refused_reported_and_replaced() {
    for damage in [
        "UPDATE component_bytes SET bytes = x'00' WHERE chunk = 0",
        "UPDATE component_bytes SET bytes = x'00' WHERE chunk = 2",
        "DELETE FROM component_bytes WHERE chunk = 1",
        "INSERT INTO component_bytes SELECT digest, 7, x'00' FROM component_bytes WHERE chunk = 0",
    ] {
        let (_folder, path, url) = fixture();
        let store = open(&url).await;
        let bytes = component_bytes(1, 3_000_000);
        let digest = store.put_component(&bytes).unwrap();
        tamper(&path, damage);
        let refused = store.get_component(digest).unwrap_err().to_string();
        assert!(
            refused.contains(&digest.short()) && refused.contains("do not match its digest"),
            "{damage}: {refused}"
        );
        let found = problems(&url).await;
        assert!(matches!(&found[..], [one] if one.contains(&digest.short())), "{damage}: {found:?}");
        store.put_component(&bytes).unwrap();
        assert!(store.get_component(digest).unwrap() == Some(bytes), "{damage}");
        assert_eq!(problems(&url).await, Vec::<String>::new(), "{damage}");
    }
}

/// The first chunk is written last.
#[tokio::test]
async fn an_interrupted_write_is_no_component_and_no_damage() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let bytes = component_bytes(1, 3_000_000);
    let digest = store.put_component(&bytes).unwrap();
    tamper(&path, "DELETE FROM component_bytes WHERE chunk = 0");
    assert_eq!(store.get_component(digest).unwrap(), None);
    assert_eq!(problems(&url).await, Vec::<String>::new());
    store.put_component(&bytes).unwrap();
    assert!(store.get_component(digest).unwrap() == Some(bytes));
}

/// Stores of format 3 that an earlier Cantus created have no such table.
#[tokio::test]
async fn a_store_without_the_table_gets_it_when_it_is_opened_for_writing() {
    let (_folder, path, url) = fixture();
    drop(open(&url).await);
    tamper(&path, "DROP TABLE component_bytes");
    let reader = open_read_only(&url).await;
    assert_eq!(reader.get_component(Digest::of(b"bank")).unwrap(), None);
    assert_eq!(problems(&url).await, Vec::<String>::new());
    let store = open(&url).await;
    let digest = store.put_component(b"bank").unwrap();
    assert_eq!(reader.get_component(digest).unwrap(), Some(b"bank".to_vec()));
    let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'component_bytes'";
    assert_eq!(open_raw(&path).query_row(tables, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

/// A component of 40 MB is written in many transactions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_go_on_while_a_large_component_is_stored() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let bytes = component_bytes(1, 40_000_000);
    let storing = tokio::task::spawn_blocking({
        let (store, bytes) = (store.clone(), bytes.clone());
        move || store.put_component(&bytes).unwrap()
    });
    let mut version = 0;
    while !storing.is_finished() {
        commit(&store, claim, &[accepted(&format!("c{version}"), "a", version, &["x"])]).await;
        version += 1;
    }
    assert!(version > 5, "only {version} commits got their turn");
    assert!(store.get_component(storing.await.unwrap()).unwrap() == Some(bytes));
    assert_whole(&store).await;
}
