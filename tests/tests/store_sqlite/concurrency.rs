//! Several writers and readers of one store, and a caller that abandons its commit.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use cantus_model::{
    EntryResult, EventQuery, PageLimit,
    ports::{Claim, StoreError},
};
use cantus_store::{SqliteOptions, SqliteStore};
use cantus_tests::store_suite::given::*;

use super::{fixture, open, open_raw};

#[tokio::test]
async fn two_writers_take_turns() {
    let (_folder, _, url) = fixture();
    let hosts = [open(&url).await, open(&url).await];
    let mut last = Claim { partition: PartitionId::FIRST, epoch: 0 };
    for turn in 0..6_u64 {
        let (host, other) = (&hosts[turn as usize % 2], &hosts[(turn as usize + 1) % 2]);
        let claim = host.claim(PartitionId::FIRST).await.unwrap();
        let (c, d) = (format!("c{turn}"), format!("d{turn}"));
        let entries = [accepted(&c, "shared", turn, &[&c]), accepted(&d, &d, 0, &[&d])];
        assert_eq!(other.commit(last, &entries).await, Err(StoreError::Fenced));
        assert_eq!(commit(host, claim, &entries).await, [committed(turn + 1, turn * 2), committed(1, turn * 2 + 1)]);
        last = claim;
    }
    assert_whole(&hosts[0]).await;
    assert_eq!(whole_log(&hosts[0]).await, whole_log(&hosts[1]).await);
}

#[tokio::test]
async fn a_locked_store_can_be_tried_again() {
    let (_folder, path, url) = fixture();
    let options = SqliteOptions { busy_timeout: std::time::Duration::from_millis(50), ..SqliteOptions::default() };
    let store: Subject = Arc::new(SqliteStore::open_with(&url, options).await.unwrap());
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let other_process = open_raw(&path);
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let entries = [accepted("c1", "a", 0, &["x"])];
    assert!(matches!(store.commit(claim, &entries).await, Err(StoreError::Transient(_))));
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), 0, "readers go on");
    other_process.execute_batch("ROLLBACK").unwrap();
    assert_eq!(commit(&store, claim, &entries).await, [committed(1, 0)]);
}

#[tokio::test]
async fn an_abandoned_commit_is_whole_or_nothing() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let (mut applied, mut undone) = (0, 0);
    for n in 0..60_u64 {
        let version = store.stream_head(&account("a")).await.unwrap().version;
        let entries = [
            accepted(&format!("a{n}"), "a", version, &["1", "2"]),
            accepted(&format!("b{n}"), &format!("b{n}"), 0, &["3"]),
        ];
        {
            let mut commit = pin!(store.commit(claim, &entries));
            for _ in 0..n {
                if let Poll::Ready(result) = commit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    result.unwrap();
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        match &commit(&store, claim, &entries).await[..] {
            [EntryResult::Committed { .. }, EntryResult::Committed { .. }] => undone += 1,
            [EntryResult::Duplicate(_), EntryResult::Duplicate(_)] => applied += 1,
            half => panic!("half a batch: {half:?}"),
        }
    }
    assert!(applied > 0 && undone > 0, "{applied} were applied and {undone} undone");
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), 180);
    assert_whole(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_batches_only() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let reading: Vec<_> = (0..3)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut seen, mut states) = (0, 0);
                while seen < 2_000 {
                    let head = store.log_head(PartitionId::FIRST).await.unwrap();
                    let log = store
                        .read_events(&EventQuery { aggregate: None, after: None, limit: 9_999, ..Default::default() })
                        .await
                        .unwrap();
                    let stream = store.read_stream(&account("s0"), 0, PageLimit::events(9_999)).await.unwrap();
                    assert!(head % 50 == 0 && log.len() % 50 == 0 && stream.len() % 5 == 0);
                    assert!(log.len() as u64 >= head && stream.len() * 10 >= log.len());
                    states += usize::from(log.len() > seen);
                    seen = log.len();
                }
                states
            })
        })
        .collect();
    for n in 0..40_u64 {
        let entries: Vec<_> = (0..10)
            .map(|s| accepted(&format!("{n}-{s}"), &format!("s{s}"), n * 5, &["1", "2", "3", "4", "5"]))
            .collect();
        commit(&store, claim, &entries).await;
    }
    for task in reading {
        assert!(task.await.unwrap() > 1, "the reader never ran beside the writer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wal_stays_short_beside_readers() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let reading: Vec<_> = (0..2)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                while store.log_head(PartitionId::FIRST).await.unwrap() < 200 {
                    store.read_stream(&account("a"), 0, PageLimit::events(2)).await.unwrap();
                }
            })
        })
        .collect();
    let payload = "p".repeat(1_000_000);
    for n in 0..200 {
        commit(&store, claim, &[accepted(&format!("c{n}"), "a", n, &[&payload])]).await;
    }
    for task in reading {
        task.await.unwrap();
    }
    let wal = path.with_file_name("cantus.db-wal").metadata().unwrap().len();
    assert!(wal < 130_000_000, "200 MB were written, and the WAL has {wal} bytes");
}

#[tokio::test]
async fn a_long_reader_delays_no_commit_for_long() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let reader = open_raw(&path);
    reader.execute_batch("BEGIN").unwrap();
    let count = || reader.query_row("SELECT count(*) FROM event", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 0);
    let payload = "p".repeat(1_000_000);
    let mut slowest = std::time::Duration::ZERO;
    let mut version = 0;
    let mut append = async |times: u64| {
        for _ in 0..times {
            let begun = std::time::Instant::now();
            commit(&store, claim, &[accepted(&format!("c{version}"), "a", version, &[&payload])]).await;
            version += 1;
            slowest = slowest.max(begun.elapsed());
        }
    };
    append(100).await;
    let wal = || path.with_file_name("cantus.db-wal").metadata().unwrap().len();
    assert!(wal() > 90_000_000);
    assert_eq!(count(), 0);
    drop(reader);
    append(60).await;
    assert!(wal() < 90_000_000, "{}", wal());
    assert!(slowest < std::time::Duration::from_secs(3), "{slowest:?}");
}
