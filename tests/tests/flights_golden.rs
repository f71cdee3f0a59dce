//! A day of real flights through the real engine, store and component gives the events of the golden file, which the
//! same domain logic wrote natively: however many shards, batches, evictions and restarts there are on the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::VecDeque, path::Path, sync::Arc};

use cantus_engine::{EngineSettings, PendingAnswer, SystemClock};
use cantus_model::{
    AggregateRef, Command, EventQuery, Outcome, RecordedEvent,
    ports::{Component, EventReader, Store},
};
use cantus_store::SqliteStore;
use cantus_tests::host;
use cantus_wasm::{Limits, Runtime};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flights/data/flights-2013-01-01.csv");
const GOLDEN: &str = include_str!("../../examples/flights/golden/events-2013-01-01.jsonl");
const SUMMARY: &str = include_str!("../../examples/flights/golden/summary-2013-01-01.json");
const IN_FLIGHT: usize = 256;

fn day() -> Vec<Command> {
    let timeline = flights::feed::open(Path::new(DAY)).unwrap();
    let command = |line: flights::feed::CommandLine| Command {
        id: line.id,
        aggregate: AggregateRef::new(line.aggregate, line.aggregate_id),
        name: line.command.into(),
        version: Some(line.version),
        payload: line.payload.get().into(),
        expected_version: None,
        actor: Some(line.actor),
        correlation_id: None,
        causation_id: None,
        metadata: vec![],
    };
    timeline.commands().map(|line| command(line.unwrap())).collect()
}

fn component() -> Arc<dyn Component> {
    let bytes = std::fs::read(cantus_tests::guests::FLIGHTS).unwrap();
    Runtime::new(&Limits::default(), None).unwrap().load(&bytes).unwrap()
}

/// Feeds the commands as `cantus run` does. Says how many were accepted and how many rejected.
async fn feed(settings: &EngineSettings, store: &Arc<SqliteStore>, commands: &[Command]) -> (u64, u64) {
    let store = Arc::clone(store) as Arc<dyn Store>;
    let engine = host::start_with(settings.clone(), store, component(), Arc::new(SystemClock)).await;
    let (mut accepted, mut rejected) = (0, 0);
    let mut count = |outcome: Outcome| match outcome {
        Outcome::Accepted { .. } => accepted += 1,
        Outcome::Rejected(_) => rejected += 1,
    };
    let mut pending = VecDeque::new();
    for command in commands {
        if pending.len() == IN_FLIGHT {
            let oldest: PendingAnswer = pending.pop_front().unwrap();
            count(oldest.await.unwrap().outcome);
        }
        pending.push_back(engine.submit(command.clone()).unwrap());
    }
    for pending in pending {
        count(pending.await.unwrap().outcome);
    }
    engine.shutdown().await;
    (accepted, rejected)
}

/// All events as the golden file has them, sorted by aggregate type, id and version.
async fn events(store: &SqliteStore) -> Vec<String> {
    let query = EventQuery { aggregate: None, after: None, limit: usize::MAX, ..Default::default() };
    let mut events = store.read_events(&query).await.unwrap();
    events.sort_by_key(|event| (event.aggregate.clone(), event.version));
    events.iter().map(line).collect()
}

fn line(RecordedEvent { aggregate, version, event, .. }: &RecordedEvent) -> String {
    let (kind, id, name) = (&aggregate.aggregate_type, &aggregate.id, &event.name);
    let (schema_version, payload) = (event.version, String::from_utf8_lossy(&event.payload));
    format!(
        r#"{{"aggregate":"{kind}","id":"{id}","version":{version},"event":"{name}","schema_version":{schema_version},"payload":{payload}}}"#
    )
}

/// Feeds the day in `parts`, each to an engine of its own.
async fn check(settings: EngineSettings, parts: usize) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("cantus.db").display());
    let store = Arc::new(SqliteStore::open(&url).await.unwrap());
    let commands = day();
    let (mut accepted, mut rejected) = (0, 0);
    for part in commands.chunks(commands.len().div_ceil(parts)) {
        let (yes, no) = feed(&settings, &store, part).await;
        (accepted, rejected) = (accepted + yes, rejected + no);
    }
    let summary: serde_json::Value = serde_json::from_str(SUMMARY).unwrap();
    let noes: u64 = summary["rejected"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!((Some(accepted), rejected), (summary["accepted"].as_u64(), noes));
    let (found, golden) = (events(&store).await, GOLDEN.lines());
    assert_eq!(found.len(), golden.clone().count());
    for (found, golden) in found.iter().zip(golden) {
        assert_eq!(found, golden);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_shard() {
    check(EngineSettings { shards: 1, ..EngineSettings::default() }, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_four_shards() {
    check(EngineSettings { shards: 4, ..EngineSettings::default() }, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_restarts_on_the_way() {
    check(EngineSettings { shards: 2, ..EngineSettings::default() }, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_hardly_any_aggregate_in_memory() {
    check(EngineSettings { shards: 2, resident_aggregates: 8, page_events: 2, ..EngineSettings::default() }, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_transaction_for_each_command() {
    check(EngineSettings { shards: 2, batch_commands: 1, ..EngineSettings::default() }, 1).await;
}
