//! Stores of older formats.

use std::sync::Arc;

use cantus_model::{Digest, EventQuery, HistoryQuery, Outcome, Snapshot, ports::StoreError};
use cantus_store::SqliteStore;
use cantus_tests::store_suite::{activations, given::*, history};

use super::{fixture, open, tamper};

/// A store of format 2, written by Cantus 0.1.0: one account, with every optional value of a record.
const FORMAT_2: &[u8] = include_bytes!("format_2.db");
const COMMANDS: usize = 5;
const EVENTS: usize = 4;

#[tokio::test]
async fn a_store_of_format_2_is_brought_up_to_date() {
    let (_folder, path, url) = fixture();
    std::fs::write(&path, FORMAT_2).unwrap();
    let error = SqliteStore::open_read_only(&url).await.unwrap_err();
    assert!(matches!(&error, StoreError::Other(text) if text.contains("an older Cantus wrote it")), "{error}");
    is_brought_up_to_date(&url).await;
}

/// Format 1 had no activations.
#[tokio::test]
async fn a_store_of_format_1_is_brought_up_to_date() {
    let (_folder, path, url) = fixture();
    std::fs::write(&path, FORMAT_2).unwrap();
    tamper(
        &path,
        "DROP TABLE component; DROP TABLE activation; DELETE FROM _sqlx_migrations WHERE version = 2; DROP TABLE snapshot; \
         CREATE TABLE snapshot (stream_pk INTEGER PRIMARY KEY, version INTEGER NOT NULL, component_digest BLOB NOT NULL, \
         state BLOB NOT NULL, state_hash BLOB NOT NULL) STRICT",
    );
    is_brought_up_to_date(&url).await;
}

async fn is_brought_up_to_date(url: &str) {
    let store = open(url).await;
    assert_eq!(store.log_info().await.unwrap().partitions, 1);
    assert_whole(&store).await;
    let log = whole_log(&store).await;
    let read = history::read_streams(&store, &HistoryQuery::default()).await;
    let commands: usize = read.iter().map(|(_, commands)| commands.len()).sum();
    assert_eq!((log.len(), commands), (EVENTS, COMMANDS));
    let rejected = store.command("no-1").await.unwrap().unwrap();
    let Outcome::Rejected(rejection) = &rejected.outcome else { panic!("{rejected:?}") };
    assert_eq!(rejection.code, "insufficient-funds");
    assert_eq!(rejected.context.actor.as_deref(), Some("ada"));
    assert_eq!(rejected.context.metadata, [("channel".to_owned(), "web".to_owned())]);
    let found = cantus_store::check(url, |_, _| ()).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!((found.heads[0].commands, found.heads[0].events), (COMMANDS as u64, EVENTS as u64));

    let aggregate = log[0].aggregate.clone();
    let query = EventQuery { aggregate: Some(aggregate.clone()), limit: 100, ..EventQuery::default() };
    let version = store.read_events(&query).await.unwrap().len() as u64;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let component = Digest::of(b"bank");
    let saved = Snapshot { aggregate: aggregate.clone(), version, component, state: b"state".to_vec() };
    store.save_snapshots(claim, std::slice::from_ref(&saved)).await.unwrap();
    assert_eq!(store.load_snapshot(&aggregate, component).await.unwrap(), Some(saved));
    let next = store.activations(0).await.unwrap().len() as u64 + 1;
    let other = activations::component("other", "1.0.0", "other");
    let activation = activations::activation(next, &other);
    assert!(store.append_activation(ActivationAuthor::Host(claim), &activation, Some(&other)).await.unwrap());
    let entry = accepted("after", &aggregate.id, version, &["x"]);
    assert_eq!(commit(&store, claim, &[entry]).await, [committed(version + 1, EVENTS as u64)]);
    assert_whole(&store).await;
    let reader: Subject = Arc::new(SqliteStore::open_read_only(url).await.unwrap());
    assert_eq!(whole_log(&reader).await.len(), EVENTS + 1);
}
