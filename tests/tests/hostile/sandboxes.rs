//! Which sandboxes there are, and who is made again in which: seen by a component that counts.

use std::{sync::Arc, time::Duration};

use cantus_engine::{Engine, EngineSettings, FixedClock};
use cantus_model::CommandError;
use cantus_tests::{
    faulty::faulty,
    guests, host,
    instrumented::{Counts, Instrumented},
};

use super::accepted;

const CLIMB: &str = r#"{"by": 1}"#;

async fn start(store: Arc<cantus_tests::faulty::FaultyStore>, settings: EngineSettings) -> (Engine, Arc<Counts>) {
    let (component, counts) = Instrumented::over(host::load(guests::HOSTILE, &host::limits()));
    (host::start_with(settings, store, component, Arc::new(FixedClock(host::NOW))).await, counts)
}

async fn climb(engine: &Engine, id: String, who: &str) -> u64 {
    accepted(engine.execute(host::command(&id, &format!("Climber/{who}"), "Climb", CLIMB)).await)
}

async fn misbehave(engine: &Engine, id: String, who: &str, how: &str) {
    let payload = format!(r#"{{"how": "{how}"}}"#);
    let answer = engine.execute(host::command(&id, &format!("Climber/{who}"), "Misbehave", &payload)).await;
    match (how, answer) {
        ("Panic" | "Allocate", Err(CommandError::Fault(_))) => {}
        (_, answer) => drop(accepted(answer)),
    }
}

/// One command that faults, sent to many aggregates, drops the shared sandbox once and not each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_faults_makes_the_neighbours_hydrate_once() {
    for how in ["Panic", "Allocate"] {
        let (engine, counts) = start(faulty(), host::settings()).await;
        climb(&engine, "0".into(), "neighbour").await;
        for n in 0..20 {
            misbehave(&engine, format!("bad-{n}"), &format!("bad-{n}"), how).await;
            climb(&engine, format!("climb-{n}"), "neighbour").await;
        }
        assert_eq!(counts.restores("neighbour"), 2, "{how}: at first, and after the first fault");
        // To the neighbour itself it is no other, and this one succeeds: from then on the kind is trusted again.
        misbehave(&engine, "good".into(), "neighbour", "ReadClock").await;
        climb(&engine, "after".into(), "neighbour").await;
        let before = counts.restores("neighbour");
        misbehave(&engine, "good again".into(), "other", "ReadClock").await;
        climb(&engine, "last".into(), "neighbour").await;
        assert_eq!(counts.restores("neighbour"), before);
        engine.shutdown().await;
    }
}

/// A sandbox that is given up while an aggregate is being hydrated in it goes once that one has decided.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retired_sandbox_goes_with_the_last_that_was_hydrated_in_it() {
    let store = faulty();
    let settings = || EngineSettings { page_events: 1, sandbox_bytes: 64 << 20, ..host::settings() };
    let (engine, counts) = start(store.clone(), settings()).await;
    // No snapshot of it is taken, so that it has pages.
    for n in 0..3 {
        climb(&engine, format!("before-{n}"), "long").await;
    }
    engine.shutdown().await;
    assert_eq!(counts.open(), 0);

    let (engine, counts) = start(store.clone(), settings()).await;
    let held = store.hold_reads_after(1).await;
    let long = engine.submit(host::command("long", "Climber/long", "Climb", CLIMB)).unwrap();
    while counts.restores("long") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    climb(&engine, "a".into(), "a").await;
    climb(&engine, "b".into(), "b").await;
    assert_eq!(counts.open(), 1);
    counts.pretend_memory(1 << 30);
    climb(&engine, "c".into(), "c").await;
    assert_eq!(counts.open(), 2, "the large one is given up, and still has one that is being hydrated");
    counts.pretend_memory(0);
    drop(held);
    assert_eq!(accepted(long.await), 4);
    climb(&engine, "c again".into(), "c").await;
    assert_eq!(counts.open(), 1, "it went with the last");
    assert_eq!(climb(&engine, "long again".into(), "long").await, 5);
    assert_eq!(counts.open(), 1);
    engine.shutdown().await;
}
