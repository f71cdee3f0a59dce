//! Swaps back and forth while commands flow: none is lost, doubled or failed, and each is decided on the right state.

use std::sync::Arc;

use cantus_engine::{EngineSettings, registry::FileState};
use cantus_model::ports::{Component, StoreError};
use cantus_store::{MemoryStore, SqliteStore};
use cantus_tests::{
    faulty::{OnCommit, faulty},
    host,
};
use cantus_wasm::Limits;

use super::{
    component,
    fixture::Fixture,
    shifty,
    traffic::{Shape, swap_under_load},
};

const MANY: Shape = Shape { tasks: 16, aggregates: 40, burst: 8, swaps: 80, between: 60 };

fn two() -> [Arc<dyn Component>; 2] {
    [component("1.0.0", "good"), component("1.0.1", "same-but-different")]
}

fn settings() -> EngineSettings {
    EngineSettings { shards: 2, ..host::settings() }
}

/// Aggregates that are folded anew from what is kept of their streams, and from the store.
fn both_ways() -> [EngineSettings; 2] {
    [settings(), EngineSettings { tail_bytes: 0, ..settings() }]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_aggregates() {
    for settings in both_ways() {
        swap_under_load(Arc::new(MemoryStore::default()), settings, MANY, &two(), |_| {}).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_aggregates_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("cantus.db").display());
    let store = Arc::new(SqliteStore::open(&url).await.unwrap());
    swap_under_load(store, settings(), MANY, &two(), |_| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_hot_aggregate() {
    let shape = Shape { tasks: 4, aggregates: 1, burst: 50, swaps: 60, between: 100 };
    for settings in both_ways() {
        swap_under_load(Arc::new(MemoryStore::default()), settings, shape, &two(), |_| {}).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_one_and_few_in_memory() {
    let settings = EngineSettings { batch_commands: 1, resident_aggregates: 5, background_loads: 1, ..settings() };
    swap_under_load(Arc::new(MemoryStore::default()), settings, MANY, &two(), |_| {}).await;
}

/// Each has its own form of snapshots, and what one wrote the other would refuse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_of_another_form() {
    let components = [component("1.0.0", "good"), component("1.1.0", "other-state")];
    // The last one is the good one again.
    let shape = Shape { aggregates: 6, ..MANY };
    swap_under_load(Arc::new(MemoryStore::default()), settings(), shape, &components, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_at_every_swap() {
    for settings in both_ways() {
        let store = faulty();
        let failing = Arc::clone(&store);
        swap_under_load(store, settings, MANY, &two(), |swap| {
            let lost = || StoreError::Transient("lost".into());
            failing.on_commits(match swap % 4 {
                0 => vec![OnCommit::Fail(StoreError::Unwritable("full".into()))],
                1 => vec![OnCommit::LoseReply(lost())],
                2 => {
                    vec![OnCommit::Fail(lost()), OnCommit::Work, OnCommit::LoseReply(StoreError::Other("gone".into()))]
                }
                _ => vec![OnCommit::Work, OnCommit::Fail(StoreError::Other("gone".into()))],
            });
        })
        .await;
    }
}

/// Every other component traps on some commands: whoever sends them again until the next swap is served in the end, and
/// nobody else notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_at_every_other_swap() {
    let components = [component("1.0.0", "good"), component("1.0.1", "trap-on-13")];
    let shape = Shape { aggregates: 12, swaps: 60, ..MANY };
    for settings in both_ways() {
        let settings = EngineSettings { quarantine_sandboxes: 1, ..settings };
        swap_under_load(Arc::new(MemoryStore::default()), settings, shape, &components, |_| {}).await;
    }
}

/// As many as a host checks for at its start: one for the plugin, one more while it is swapped, and those of quarantine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_sandboxes_than_needed() {
    let limits = Limits { sandboxes: 4, ..host::limits() };
    let runtime = host::runtime(&limits);
    let load = |version, mode| runtime.load(&shifty(version, mode)).unwrap();
    let components = [load("1.0.0", "good"), load("1.0.1", "same-but-different")];
    let shape = Shape { tasks: 8, aggregates: 10, burst: 4, swaps: 300, between: 40 };
    let settings = EngineSettings { shards: 1, quarantine_sandboxes: 2, ..host::settings() };
    swap_under_load(Arc::new(MemoryStore::default()), settings, shape, &components, |_| {}).await;
}

/// The whole way: files dropped into the folder, verified against what was decided a moment ago, while commands flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_dropped_while_commands_flow() {
    let mut fixture = Fixture::sqlite().await;
    fixture.registry.removal_ms = 600_000;
    let mut digests = vec![fixture.put("a.wasm", &shifty("1.0.0", "good"))];
    let host = fixture.open().await;
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let (engine, over) = (Arc::clone(&host.engine), host.statuses.clone());
            tokio::spawn(async move {
                let mut deciders = vec![];
                // Until the file is gone.
                while !over.borrow().is_empty() {
                    let id = format!("{caller}-{}", deciders.len());
                    let answer = engine.execute(super::add(&id, &format!("Tally/{}", caller % 5), 0)).await;
                    match answer {
                        Ok(decided) => deciders.push(decided.component),
                        Err(error) => panic!("{id}: {error}"),
                    }
                }
                deciders
            })
        })
        .collect();
    for n in 1..12 {
        let digest = fixture.put("a.wasm", &shifty(&format!("1.{}.{}", n / 4, n % 4), "good"));
        host.status("a.wasm", |status| status.digest == Some(digest) && status.state == FileState::Active).await;
        digests.push(digest);
    }
    // It is not listed any more, and live for long.
    fixture.remove("a.wasm");
    let mut decided = 0;
    for caller in callers {
        let deciders = caller.await.expect("a command failed");
        let order: Vec<_> = deciders.iter().map(|it| digests.iter().position(|digest| digest == it).unwrap()).collect();
        assert!(order.is_sorted(), "{order:?}");
        decided += order.len();
    }
    assert!(decided > 100, "{decided}");
    host.stop().await;
}
