//! Histories of a store that grows, is damaged, or is large.

use std::{collections::HashMap, sync::Arc};

use cantus_model::{AggregateRef, Entry, HistoryQuery, Rejection, Verdict, ports::StoreError};
use cantus_store::SqliteStore;
use cantus_tests::store_suite::{given::*, history::*};

use super::{fixture, open, tamper};

#[tokio::test]
async fn a_store_opened_for_reading_has_its_history() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("a1", "a", 0, &["1"]), rejected("b1", "b", 0)]).await;
    let reader: Subject = Arc::new(SqliteStore::open_read_only(&url).await.unwrap());
    for aggregate in [None, Some(account("a"))] {
        let query = HistoryQuery { aggregate, ..HistoryQuery::default() };
        assert_eq!(read_streams(&reader, &query).await, read_streams(&store, &query).await);
    }
    assert_eq!(reader.recent_commands(&["Account".into()], 1).await.unwrap()[0].context.command_id, "b1");
}

/// Each history is the log of some moment, and later histories have more commands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_read_beside_commits_are_consistent() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let reader: Subject = Arc::new(SqliteStore::open_read_only(&url).await.unwrap());
    let reading = tokio::spawn(async move {
        let (mut known, mut states) = (HashMap::<AggregateRef, usize>::new(), 0);
        loop {
            let streams = read_streams(&reader, &HistoryQuery::default()).await;
            let total: usize = streams.iter().map(|(_, commands)| commands.len()).sum();
            // Batches are whole, and so is every stream.
            assert_eq!(total % 30, 0);
            states += usize::from(total > known.values().sum());
            for (aggregate, commands) in streams {
                assert!(commands.len() >= known.insert(aggregate, commands.len()).unwrap_or(0));
            }
            if total == 60 * 30 {
                return states;
            }
        }
    });
    for n in 0..60 {
        let of = |s: u64| (format!("s{}", (s + n) % 35), (n * 30 + s).to_string());
        let mut entries = vec![];
        for s in 0..30 {
            let (stream, id) = of(s);
            let version = store.stream_head(&account(&stream)).await.unwrap().version;
            entries.push(match s % 3 {
                0 => rejected(&id, &stream, version),
                _ => accepted(&id, &stream, version, &["x", "y"]),
            });
        }
        assert_eq!(commit(&store, claim, &entries).await.len(), 30);
    }
    let states = reading.await.unwrap();
    assert!(states > 2, "the reader never ran beside the writer: {states}");
}

#[tokio::test]
async fn missing_and_changed_rows_are_refused() {
    for (damage, complaint) in [
        ("DELETE FROM event WHERE pk = 0", "version 1 of Account/a is missing"),
        ("DELETE FROM event WHERE pk = 1", "version 2 of Account/a is missing"),
        ("DELETE FROM event WHERE command = 2", "version 1 of Account/b is missing"),
        ("DELETE FROM event WHERE pk = 5", "version 4 of Account/a is missing"),
        ("DELETE FROM event", "version 1 of Account/a is missing"),
        ("UPDATE event SET command = 1 WHERE pk = 2", "version 1 of Account/b is missing"),
        ("UPDATE event SET stream = 9 WHERE pk = 2", "version 1 of Account/b is missing"),
        ("UPDATE command SET first_offset = NULL WHERE pk = 1", "the command a1 is not what was written"),
        ("DELETE FROM command WHERE pk = 1", "command is missing"),
        ("DELETE FROM command WHERE pk = 3", "command is missing"),
        ("DELETE FROM stream WHERE pk = 2", "is missing"),
        ("UPDATE command SET base_version = 1 WHERE pk = 4", "the command a3 is not what was written"),
        ("UPDATE command SET outcome = '{}' WHERE pk = 3", "does not decode"),
        ("UPDATE command SET outcome = 4294967295 WHERE pk = 4", "the command a3 is not what was written"),
    ] {
        let (_folder, path, url) = fixture();
        let store = open(&url).await;
        let claim = store.claim(PartitionId::FIRST).await.unwrap();
        let entries = [
            accepted("a1", "a", 0, &["1", "2"]),
            accepted("b1", "b", 0, &["3", "4"]),
            rejected("a2", "a", 2),
            accepted("a3", "a", 2, &["5", "6"]),
        ];
        commit(&store, claim, &entries).await;
        tamper(&path, damage);
        let error = match store.history(&HistoryQuery::default()).await {
            Ok(mut history) => loop {
                match history.next_page().await {
                    Ok(page) => assert!(page.is_some(), "{damage} was not noticed"),
                    Err(error) => break error,
                }
            },
            Err(error) => error,
        };
        let StoreError::Corrupt(text) = &error else { panic!("{damage}: {error}") };
        assert!(text.contains(complaint), "{damage}: {text}");
    }
}

#[tokio::test]
async fn a_missing_command_of_one_stream_is_refused() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    for n in 0..3 {
        commit(&store, claim, &[accepted(&n.to_string(), "a", n, &["x"]), rejected(&format!("b{n}"), "b", 0)]).await;
    }
    tamper(&path, "DELETE FROM command WHERE id = '1'");
    let of = |id| HistoryQuery { aggregate: Some(account(id)), ..HistoryQuery::default() };
    let error = store.history(&of("a")).await.unwrap().next_page().await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt(text) if text.contains("a command of Account/a before 2 is missing")));
    assert_eq!(read_streams(&store, &of("b")).await[0].1.len(), 3, "other streams are whole");
}

/// 60 commands of 300 KB with two events of 500 KB each.
#[tokio::test]
async fn large_events_make_small_pages() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let event = message("Large", &vec![7; 500_000]);
    for n in 0..60 {
        let verdict = Verdict::Accepted(vec![event.clone(), event.clone()]);
        let mut entry = decided(&n.to_string(), if n < 50 { "a" } else { "b" }, n % 50 * 2, verdict);
        entry.decision.as_mut().unwrap().command.payload = vec![1; 300_000];
        commit(&store, claim, &[entry]).await;
    }
    let pages = read_pages(store.history(&HistoryQuery::default()).await.unwrap()).await;
    assert!(pages.len() >= 60 / 5, "{}", pages.len());
    for page in &pages {
        let bytes: usize = page.commands.iter().flat_map(|it| &it.events).map(|event| event.payload.len()).sum();
        assert!(bytes <= 5_000_000, "{bytes}");
    }
    let streams = join_pages(pages);
    assert_eq!((streams[0].1.len(), streams[1].1.len()), (50, 10));
    assert!(streams.iter().flat_map(|(_, it)| it).all(|it| it.events == [event.clone(), event.clone()]));
}

/// A detail of 1.5 MB that is not UTF-8 takes 3 MB.
#[tokio::test]
async fn large_details_make_small_pages() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let detail = Some(vec![200; 1_500_000]);
    let verdict = Verdict::Rejected(Rejection { code: "no".into(), message: "no".into(), detail });
    let entries: Vec<_> = (0..6).map(|n| decided(&n.to_string(), "a", 0, verdict.clone())).collect();
    commit(&store, claim, &entries).await;
    for aggregate in [None, Some(account("a"))] {
        let query = HistoryQuery { aggregate, ..HistoryQuery::default() };
        let pages = read_pages(store.history(&query).await.unwrap()).await;
        assert_eq!(pages.iter().map(|page| page.commands.len()).collect::<Vec<_>>(), [2; 3]);
        let outcomes = pages.iter().flat_map(|page| &page.commands).map(|command| &command.record.outcome);
        assert!(outcomes.eq(std::iter::repeat_n(&verdict.outcome(), 6)));
    }
}

/// Returns the rejected command `n` with a payload of this size.
fn sized(n: u64, megabytes: usize) -> Entry {
    let mut entry = rejected(&n.to_string(), "a", 0);
    entry.decision.as_mut().unwrap().command.payload = vec![b' '; megabytes << 20];
    entry
}

/// The newest commands have at most 64 MiB together, or are one.
#[tokio::test]
async fn recent_commands_are_limited_in_bytes() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    for (n, megabytes) in [(0, 0), (1, 0), (2, 30), (3, 30)] {
        commit(&store, claim, &[sized(n, megabytes)]).await;
    }
    let recent = async || -> Vec<String> {
        let records = store.recent_commands(&["Account".into()], 9).await.unwrap();
        records.into_iter().map(|record| record.context.command_id).collect()
    };
    assert_eq!(recent().await, ["0", "1", "2", "3"]);
    commit(&store, claim, &[sized(4, 30)]).await;
    assert_eq!(recent().await, ["3", "4"]);
    commit(&store, claim, &[sized(5, 64)]).await;
    assert_eq!(recent().await, ["5"]);
}

/// Between two pages a reader holds nothing that the writer waits for.
#[tokio::test]
async fn a_slow_reader_does_not_keep_the_wal_long() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entries: Vec<_> = (0..2_000).map(|n| accepted(&n.to_string(), "a", n, &["x"])).collect();
    commit(&store, claim, &entries).await;
    let mut history = store.history(&HistoryQuery::default()).await.unwrap();
    assert!(!history.next_page().await.unwrap().unwrap().last);
    let payload = "p".repeat(1_000_000);
    for n in 0..150 {
        commit(&store, claim, &[accepted(&format!("late {n}"), "a", 2_000 + n, &[&payload])]).await;
        if n == 75 {
            assert!(!history.next_page().await.unwrap().unwrap().last);
        }
    }
    let wal = path.with_file_name("cantus.db-wal").metadata().unwrap().len();
    assert!(wal < 90_000_000, "150 MB were written, and the WAL has {wal} bytes");
    assert_eq!(read_pages(history).await.iter().map(|page| page.commands.len()).sum::<usize>(), 2_000 - 2 * 512);
}
