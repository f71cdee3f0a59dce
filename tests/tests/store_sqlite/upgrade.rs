//! A store that an older Cantus made.

use std::{fs, path::Path, sync::Arc};

use cantus_model::{Digest, HistoryQuery, Snapshot, ports::StoreError};
use cantus_store::SqliteStore;
use cantus_tests::store_suite::{activations, given::*, history};
use sqlx::{Connection, SqliteConnection, migrate::Migrator};

use super::{open, place, raw};

/// Makes a store as the first `count` migrations leave it.
async fn made_by(path: &Path, count: usize) -> SqliteConnection {
    let (folder, all) =
        (tempfile::tempdir().unwrap(), concat!(env!("CARGO_MANIFEST_DIR"), "/../host/store/migrations/sqlite"));
    let mut migrations: Vec<_> = fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path()).collect();
    migrations.sort();
    for migration in &migrations[..count] {
        fs::copy(migration, folder.path().join(migration.file_name().unwrap())).unwrap();
    }
    fs::write(path, "").unwrap();
    let mut connection = raw(path).await;
    sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await.unwrap();
    Migrator::new(folder.path()).await.unwrap().run(&mut connection).await.unwrap();
    connection
}

/// Fills it with what the store at `from` holds.
async fn fill(mut connection: SqliteConnection, from: &Path, snapshots: &'static str) {
    sqlx::query("ATTACH ? AS other").bind(from.to_str().unwrap()).execute(&mut connection).await.unwrap();
    for statement in [
        "DELETE FROM partition",
        "INSERT INTO partition SELECT * FROM other.partition",
        "INSERT INTO stream SELECT * FROM other.stream",
        "INSERT INTO command SELECT * FROM other.command",
        "INSERT INTO event SELECT * FROM other.event",
        snapshots,
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_store_from_before_activations_is_brought_up_to_date() {
    let ((_new_folder, new_path, new_url), (_folder, path, url)) = (place(), place());
    let new = open(&new_url).await;
    let claim = new.claim(PartitionId::FIRST).await.unwrap();
    let entries = [accepted("a1", "a", 0, &["1", "2"]), rejected("b1", "b", 0), accepted("a2", "a", 2, &[])];
    commit(&new, claim, &entries).await;
    let saved = |version| Snapshot {
        aggregate: account("a"),
        version,
        component: Digest::of(b"bank"),
        state: b"state".to_vec(),
    };
    new.save_snapshots(claim, &[saved(1)]).await.unwrap();
    let old_snapshots = "INSERT INTO snapshot (stream_pk, version, component_digest, state, state_hash) \
         SELECT pk / 2, version, component_digest, state, state_hash FROM other.snapshot";
    fill(made_by(&path, 1).await, &new_path, old_snapshots).await;

    let error = SqliteStore::open_read_only(&url).await.unwrap_err();
    assert!(matches!(&error, StoreError::Other(text) if text.contains("an older Cantus wrote it")), "{error}");

    let store = open(&url).await;
    let old: Subject = Arc::new(SqliteStore::open_read_only(&url).await.unwrap());
    let all = HistoryQuery::default();
    assert_eq!(history::read(&old, &all).await, history::read(&new, &all).await);
    assert_eq!(whole_log(&store).await, whole_log(&new).await);
    assert_whole(&store).await;
    assert_eq!(store.activations(0).await.unwrap(), []);
    assert_eq!(store.load_snapshot(&account("a"), Digest::of(b"bank")).await.unwrap(), None, "a cache may be lost");

    let bank = activations::component("bank", "1.0.0", "bank");
    assert!(
        store
            .append_activation(ActivationAuthor::Operator, &activations::activation(1, &bank), Some(&bank))
            .await
            .unwrap()
    );
    store.save_snapshots(claim, &[saved(2)]).await.unwrap();
    assert_eq!(store.load_snapshot(&account("a"), Digest::of(b"bank")).await.unwrap(), Some(saved(2)));
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    assert_eq!(commit(&store, claim, &[accepted("a3", "a", 2, &["3"])]).await, [committed(3, 2)]);
    assert_whole(&store).await;
}
