//! Random batches: the SQLite store and the memory store give the same results.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::HashMap, sync::Arc};

use cantus_model::{Entry, EntryResult, HistoryQuery, PageLimit, Timestamp};
use cantus_store::{MemoryStore, SqliteStore};
use cantus_tests::store_suite::{given::*, history};
use proptest::prelude::*;

const IDS: u32 = 24;
const STREAMS: u32 = 4;

/// The base version of a command.
#[derive(Clone, Copy, Debug)]
enum BaseVersion {
    /// The version after the entries before it, as a shard would take it.
    Current,
    Version(u64),
}

#[derive(Clone, Copy, Debug)]
enum EntryKind {
    Accepted(usize),
    Rejected,
    Probe,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    id: u32,
    another_body: bool,
    stream: u32,
    base: BaseVersion,
    kind: EntryKind,
}

fn step() -> impl Strategy<Value = Step> {
    let base = prop_oneof![4 => Just(BaseVersion::Current), 1 => (0..8_u64).prop_map(BaseVersion::Version)];
    let kind = prop_oneof![
        6 => (0..4_usize).prop_map(EntryKind::Accepted),
        2 => Just(EntryKind::Rejected),
        1 => Just(EntryKind::Probe),
    ];
    (0..IDS, prop::bool::weighted(0.1), 0..STREAMS, base, kind)
        .prop_map(|(id, another_body, stream, base, kind)| Step { id, another_body, stream, base, kind })
}

/// Returns a step as an entry. `versions` are those that the shard expects.
fn to_entry(step: Step, now: u64, versions: &mut HashMap<u32, u64>) -> Entry {
    let (id, of) = (format!("c{}", step.id), format!("s{}", step.stream));
    let version = versions.entry(step.stream).or_default();
    let base = match step.base {
        BaseVersion::Current => *version,
        BaseVersion::Version(version) => version,
    };
    let entry = match step.kind {
        EntryKind::Accepted(count) => {
            *version += count as u64;
            at(now, accepted(&id, &of, base, &[id.as_str(), "", "é"][..count]))
        }
        EntryKind::Rejected => at(now, rejected(&id, &of, base)),
        EntryKind::Probe => probe(&id, &of),
    };
    if step.another_body { with_another_body(entry) } else { entry }
}

/// Reads everything of a store except its epochs.
async fn read_everything(store: &Subject) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut commands = vec![];
    for id in 0..IDS {
        commands.push(store.command(&format!("c{id}")).await.unwrap());
    }
    let mut streams = vec![];
    for stream in 0..STREAMS {
        let stream = account(&format!("s{stream}"));
        let head = store.stream_head(&stream).await.unwrap();
        let events = store.read_stream(&stream, 0, PageLimit::events(1_000)).await.unwrap();
        streams.push((head, events, store.version_at(&stream, Timestamp(1_003)).await.unwrap()));
    }
    let history = history::read_streams(store, &HistoryQuery::default()).await;
    let recent = store.recent_commands(&["Account".into()], 9).await.unwrap();
    (whole_log(store).await, store.log_head(PartitionId::FIRST).await.unwrap(), commands, streams, history, recent)
}

/// Compares both stores. Counts the results by kind, so that the test can check that every kind occurred.
async fn compare(batches: &[Vec<Step>], seen: &mut HashMap<&'static str, u32>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("cantus.db").display());
    let sqlite: Subject = Arc::new(SqliteStore::open(&url).await.unwrap());
    let memory: Subject = Arc::new(MemoryStore::default());
    let epochs = (sqlite.claim(PartitionId::FIRST).await.unwrap(), memory.claim(PartitionId::FIRST).await.unwrap());
    for (now, batch) in (1_000..).zip(batches) {
        let mut versions = HashMap::new();
        for stream in 0..STREAMS {
            versions.insert(stream, memory.stream_head(&account(&format!("s{stream}"))).await.unwrap().version);
        }
        let entries: Vec<_> = batch.iter().map(|&step| to_entry(step, now, &mut versions)).collect();
        let expected = commit(&memory, epochs.1, &entries).await;
        assert_eq!(commit(&sqlite, epochs.0, &entries).await, expected);
        for result in expected {
            *seen.entry(kind_of(&result)).or_default() += 1;
        }
    }
    assert_whole(&memory).await;
    assert_whole(&sqlite).await;
    let expected = read_everything(&memory).await;
    assert_eq!(read_everything(&sqlite).await, expected);
    drop(sqlite);
    let reopened: Subject = Arc::new(SqliteStore::open(&url).await.unwrap());
    assert_eq!(read_everything(&reopened).await, expected);
}

fn kind_of(result: &EntryResult) -> &'static str {
    match result {
        EntryResult::Committed { first_offset: Some(_), .. } => "committed with events",
        EntryResult::Committed { first_offset: None, .. } => "committed without",
        EntryResult::Duplicate(_) => "duplicate",
        EntryResult::IdReused => "id reused",
        EntryResult::Conflict { .. } => "conflict",
        EntryResult::Absent => "absent",
    }
}

#[test]
fn sqlite_and_memory_give_the_same_results() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = std::cell::RefCell::new(HashMap::new());
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(batches in prop::collection::vec(prop::collection::vec(step(), 0..12), 1..7))| {
        runtime.block_on(compare(&batches, &mut seen.borrow_mut()));
    });
    let seen = seen.into_inner();
    assert_eq!(seen.len(), 6, "every kind of result must occur: {seen:?}");
}
