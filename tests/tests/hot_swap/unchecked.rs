//! A verification that had no time for enough of history lets nothing go live.

use std::sync::Arc;

use cantus_engine::{FixedClock, registry::FileState};
use cantus_replay::verify::{Candidate, Predecessor, VerifySettings, verify};
use cantus_store::MemoryStore;
use cantus_tests::{faulty::FaultyStore, host};

use super::{
    accepted, add, by, component,
    excluded_versions::activate_file,
    fixture::Fixture,
    shifty,
    verification_reports::{commands, history},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_checked_in_time_is_refused_unless_a_person_activates_it() {
    let mut fixture = Fixture::sqlite().await;
    fixture.verify.time_ms = 0;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..20 {
        accepted(host.add(&format!("{n}"), "Tally/a", 1).await);
    }
    for (n, mode) in (20..).zip(["double", "trap-on-handle", "good"]) {
        let patch = fixture.put("a.wasm", &shifty("1.0.1", mode));
        let reason = host.refused("a.wasm", patch).await;
        let told = format!(
            "0 of {n} recorded commands were checked before the time was up, and {n} must be: raise the setting \
             verify.time_ms, or activate it without a verification: `cantus plugin activate shifty@1.0.1 --no-verify --why REASON`"
        );
        assert_eq!(reason, told);
        assert_eq!(by(host.add(mode, "Tally/a", 1).await), live);
    }
    let elsewhere = fixture.elsewhere().await;
    activate_file(&elsewhere, shifty("1.0.1", "good")).await;
    host.file("a.wasm", FileState::Active).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_recorded_is_not_none_checked() {
    let mut fixture = Fixture::new();
    fixture.verify.time_ms = 0;
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(fixture.activations().await[0].why, "no recorded commands to run");
    host.stop().await;
}

fn candidate(version: &str, mode: &str) -> Candidate {
    let against = Some(Predecessor::loaded(component("1.0.0", "good")));
    Candidate { component: component(version, mode), against, waiver: None, events_per_command: 100 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_minimum_is_a_setting() {
    let store = history(Arc::new(MemoryStore::default()), commands()).await;
    for (min_commands, is_allowed) in [(0, true), (1, false)] {
        let settings = VerifySettings { time_ms: 0, min_commands, ..VerifySettings::default() };
        let report = verify(store.clone(), candidate("1.0.1", "good"), &settings).await.unwrap();
        assert_eq!((report.is_allowed(), report.complete), (is_allowed, false), "{report:?}");
        assert_eq!((report.coverage().as_str(), report.checked()), ("0 of 20 recorded commands checked", 0));
    }
}

/// A giant stream was begun first and would use up the time of all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_with_few_events_come_first() {
    let giant = (0..60).map(|n| add(&format!("g{n}"), "Tally/giant", 1));
    let small = [add("b", "Tally/b", 1), add("a1", "Tally/a", 1), add("c", "Tally/c", 1), add("a2", "Tally/a", 1)];
    let store = history(Arc::new(MemoryStore::default()), giant.chain(small)).await;
    let watched = FaultyStore::over(store);
    let report = verify(watched.clone(), candidate("1.0.1", "good"), &VerifySettings::default()).await;
    assert!(report.unwrap().is_allowed());
    let reads = watched.seen().reads;
    let mut order: Vec<&str> = reads.iter().map(|(aggregate, _)| aggregate.id.as_str()).collect();
    order.dedup();
    // Two are read at the same time.
    order[..2].sort_unstable();
    assert_eq!((order[..2].to_vec(), order.last()), (vec!["b", "c"], Some(&"giant")), "{order:?}");
}

/// It was live before, and has snapshots of its own: they stand for what lies before the newest commands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_stream_begins_at_a_snapshot_of_the_candidate() {
    let long = (0..1_200).map(|n| add(&format!("long-{n}"), "Tally/long", 0));
    let store = history(Arc::new(MemoryStore::default()), long).await;
    let newer = component("1.1.0", "good");
    let clock = Arc::new(FixedClock(host::NOW));
    let engine = host::start_with(host::settings(), Arc::clone(&store), Arc::clone(&newer), clock).await;
    for n in 0..10 {
        accepted(engine.execute(add(&format!("newer-{n}"), "Tally/long", 1)).await);
    }
    engine.shutdown().await;
    let settings = VerifySettings { commands: 10, ..VerifySettings::default() };
    for (component, least, most) in [("same-but-different", 1_210, 1_210), ("good", 10, 20)] {
        let candidate =
            Candidate { component: super::component("1.0.0", component), ..candidate_after(Arc::clone(&newer)) };
        let report = verify(store.clone(), candidate, &settings).await.unwrap();
        let found = &report.findings;
        assert!(report.is_allowed() && found.commands == 10 && found.identical == 10, "{report:?}");
        assert!((least..=most).contains(&found.events), "{component}: {} events", found.events);
    }
}

fn candidate_after(against: Arc<dyn cantus_model::ports::Component>) -> Candidate {
    Candidate { against: Some(Predecessor::loaded(against)), ..candidate("1.0.0", "good") }
}
