//! Commands and decisions in flight are bounded in bytes, and nobody waits for ever because of it.

use std::time::Duration;

use cantus_model::CommandError;
use cantus_store::SqliteStore;
use cantus_tests::{
    faulty::{FaultyStore, faulty},
    guests, host,
    instrumented::Instrumented,
};

use super::*;

fn note(id: &str, aggregate: usize, bytes: usize) -> Command {
    host::command(id, &format!("Rogue/{aggregate}"), "Do", &"x".repeat(bytes))
}

fn many_events(id: usize, aggregate: usize, size: usize) -> Command {
    let payload = format!(r#"{{"how": "ManyEvents", "size": {size}}}"#);
    host::command(&id.to_string(), &format!("Climber/{aggregate}"), "Misbehave", &payload)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_bytes_than_may_be_in_flight_are_refused() {
    let settings = EngineSettings { in_flight_bytes: 1_000_000, payload_bytes: 1 << 20, ..host::settings() };
    let world = World::on(faulty(), guests::ROGUE, settings).await;
    let closed = world.store.hold().await;
    // Each may be decided by the time the next one comes, and then counts twice.
    let pending: Vec<_> = (0..2).map(|n| world.submit(note(&n.to_string(), n, 100_000))).collect();
    let error = world.engine.submit(note("over", 9, 350_000)).unwrap_err();
    assert!(matches!(error, CommandError::Overloaded { .. }), "{error}");
    drop(closed);
    for pending in pending {
        assert_eq!(accepted(pending.await), 1);
    }
    assert_eq!(accepted(world.ask(note("over", 9, 350_000)).await), 1);
    // Larger than the whole share, it is let in when nothing else is.
    assert_eq!(accepted(world.ask(note("large", 9, 900_000)).await), 2);
    world.engine.shutdown().await;
}

/// Small commands with many events: while the store is busy, no more are decided than there is room for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_wait_for_room() {
    let settings = EngineSettings { in_flight_bytes: 300_000, ..host::settings() };
    let store = faulty();
    let (component, counts) = Instrumented::over(component(guests::HOSTILE));
    let engine = host::start_with(settings, store.clone(), component, Arc::new(FixedClock(host::NOW))).await;
    let closed = store.hold().await;
    let undecided = counts.hold_decisions(); // decisions would take the room that admission needs
    let pending: Vec<_> = (0..60).map(|n| engine.submit(many_events(n, n % 10, 100)).unwrap()).collect();
    drop(undecided);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!((5..40).contains(&counts.handles()), "{} were decided", counts.handles());
    drop(closed);
    for (n, pending) in pending.into_iter().enumerate() {
        assert_eq!(accepted(pending.await), (n as u64 / 10 + 1) * 100);
    }
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_least_room_is_enough_for_one_after_another() {
    let settings = EngineSettings {
        in_flight_bytes: 1,
        load_bytes: 1,
        snapshot_queue_bytes: 1,
        page_events: 3,
        resident_aggregates: 2,
        tail_bytes: 0,
        ..host::settings()
    };
    let world = World::on(faulty(), guests::HOSTILE, settings).await;
    for round in 0..4 {
        for n in 0..10 {
            assert_eq!(accepted(world.ask(many_events(round * 10 + n, n, 10)).await), (round as u64 + 1) * 10);
        }
    }
    world.engine.shutdown().await;
}

/// Many long streams at once, of which hardly a page may be in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hydration_keeps_to_its_bytes() {
    let settings = || EngineSettings { load_bytes: 2_000, page_events: 3, ..host::settings() };
    let store = faulty();
    for round in 0..2 {
        let world = World::on(store.clone(), guests::HOSTILE, settings()).await;
        let pending: Vec<_> = (0..40).map(|n| world.submit(many_events(round * 40 + n, n, 20))).collect();
        for pending in pending {
            let answer = tokio::time::timeout(Duration::from_secs(20), pending).await.expect("it hangs");
            assert_eq!(accepted(answer), (round as u64 + 1) * 20);
        }
        world.engine.shutdown().await;
    }
}

/// Events without payloads take memory too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_counts_what_its_events_cost() {
    let settings = EngineSettings { batch_bytes: 30_000, ..host::settings() };
    let world = World::on(faulty(), guests::HOSTILE, settings).await;
    let closed = world.store.hold().await;
    let pending: Vec<_> = (0..30).map(|n| world.submit(many_events(n, n, 100))).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(closed);
    for pending in pending {
        accepted(pending.await);
    }
    let commits = world.store.seen().commits;
    assert!(commits.iter().all(|size| *size <= 3), "{commits:?}");
    world.engine.shutdown().await;
}

/// Prints the memory that the process takes at most while the default bounds are reached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures that are those of a whole process: run it alone, with --nocapture"]
async fn resident_memory_under_load() {
    let folder = tempfile::tempdir().unwrap();
    for (what, path, count) in [("1 MB payloads", guests::ROGUE, 1_500), ("999 events", guests::HOSTILE, 1_500)] {
        let url = format!("sqlite:{}", folder.path().join(format!("{what}.db")).display());
        let store = FaultyStore::over(Arc::new(SqliteStore::open(&url).await.unwrap()));
        let settings = EngineSettings { events_per_command: 1_000, snapshot_queue: 256, ..EngineSettings::default() };
        let world = World::on(store, path, settings).await;
        let (mut peak, mut pending) = (0, std::collections::VecDeque::new());
        for n in 0..count {
            let command = || match what {
                "1 MB payloads" => note(&n.to_string(), n % 50, 1_000_000),
                _ => many_events(n, n % 50, 999),
            };
            loop {
                peak = peak.max(memory_stats::memory_stats().unwrap().physical_mem);
                match world.engine.submit(command()) {
                    Ok(answer) => break pending.push_back(answer),
                    Err(error) => assert_eq!(error.code(), "overloaded"),
                }
                accepted(pending.pop_front().unwrap().await);
            }
        }
        for pending in pending {
            accepted(pending.await);
        }
        println!("{what}: at most {} MiB", peak >> 20);
        world.engine.shutdown().await;
    }
}
