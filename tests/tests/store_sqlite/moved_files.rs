//! The files of a store are moved or removed while a host writes to it.

use std::fs;

use cantus_model::ports::StoreError;
use cantus_tests::store_suite::given::*;

use super::{fixture, open};

/// A name, and a change of the files in a folder.
type Loss = (&'static str, fn(&std::path::Path));

const LOSSES: [Loss; 5] = [
    ("its file is removed", |folder| fs::remove_file(folder.join("cantus.db")).unwrap()),
    ("its file is moved", |folder| fs::rename(folder.join("cantus.db"), folder.join("elsewhere.db")).unwrap()),
    ("its WAL is removed", |folder| fs::remove_file(folder.join("cantus.db-wal")).unwrap()),
    ("its folder is moved", |folder| fs::rename(folder, folder.with_extension("moved")).unwrap()),
    ("another file takes its place", |folder| {
        fs::copy(folder.join("cantus.db"), folder.join("copy.db")).unwrap();
        fs::rename(folder.join("copy.db"), folder.join("cantus.db")).unwrap();
    }),
];

#[tokio::test]
async fn a_lost_file_stops_all_commits() {
    for (what, lose) in LOSSES {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("data");
        let store = open(&format!("sqlite:{}", folder.join("cantus.db").display())).await;
        let claim = store.claim(PartitionId::FIRST).await.unwrap();
        commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
        lose(&folder);
        for entries in [[accepted("c2", "a", 1, &["y"])], [accepted("c1", "a", 0, &["x"])], [probe("c9", "a")]] {
            let error = store.commit(claim, &entries).await.expect_err(what);
            assert!(matches!(&error, StoreError::Lost(text) if text.contains("cantus.db")), "{what}: {error}");
            assert!(error.is_terminal());
        }
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cantus.db"), "").unwrap();
        assert!(
            matches!(store.commit(claim, &[probe("c9", "a")]).await, Err(StoreError::Lost(_))),
            "{what}: it stays lost"
        );
    }
}

#[tokio::test]
async fn a_new_connection_after_a_failure_finds_the_same_store() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    let newer = store.claim(PartitionId::FIRST).await.unwrap();
    assert_eq!(store.commit(claim, &[probe("c9", "a")]).await, Err(StoreError::Fenced));
    assert_eq!(commit(&store, newer, &[accepted("c2", "a", 1, &["y"])]).await, [committed(2, 1)]);
}
