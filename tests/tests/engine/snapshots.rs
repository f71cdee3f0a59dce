//! Snapshots are a cache: written behind everybody's back, used where they fit, and done without.

use cantus_model::{
    AggregateRef, Digest, PartitionId, Snapshot,
    ports::{Journal, SnapshotStore},
};
use cantus_tests::{guests, host};

use super::*;

fn climber() -> AggregateRef {
    AggregateRef::new("Climber", "a")
}

/// Climbs `count` times by one metre, starting a host for it and stopping it again.
async fn climb(store: &Arc<FaultyStore>, host_number: u64, count: u64) {
    let world = World::on(store.clone(), guests::HOSTILE, host::settings()).await;
    for n in 0..count {
        accepted(world.ask(host::command(&format!("{host_number}-{n}"), "Climber/a", "Climb", r#"{"by": 1}"#)).await);
    }
    world.engine.shutdown().await;
}

async fn save(store: &FaultyStore, version: u64, component: Digest, state: &str) {
    let snapshot = Snapshot { aggregate: climber(), version, component, state: state.into() };
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    store.save_snapshots(claim, &[snapshot]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_written_when_it_is_due_and_read_by_the_next_host() {
    let store = faulty();
    climb(&store, 0, 10).await;
    assert_eq!(store.seen().snapshots, ["Climber/a@4", "Climber/a@8"]);
    climb(&store, 1, 3).await;
    assert_eq!(store.seen().reads, [(climber(), 8)], "only the tail is read");
    assert_eq!(store.seen().snapshots.last().unwrap(), "Climber/a@12");
    let digest = component(guests::HOSTILE).digest();
    let snapshot = store.load_snapshot(&climber(), digest).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(snapshot.state).unwrap(), r#"{"height":12}"#);
}

/// The state in the snapshot is a lie, so that it shows which ones are read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_snapshot_that_fits_is_used() {
    let own = component(guests::HOSTILE).digest();
    let other = component(guests::COUNTER).digest();
    for (what, version, by, state, read_from) in [
        ("its own", 6, own, r#"{"height":200}"#, Some(6)),
        ("its own, at the end", 10, own, r#"{"height":200}"#, None),
        // Its own, from before, is still there.
        ("another component's", 6, other, r#"{"height":200}"#, Some(8)),
        ("from beyond the stream", 11, own, r#"{"height":200}"#, Some(0)),
        ("cut off", 6, own, r#"{"heig"#, Some(0)),
        ("of another shape", 6, own, r#"[1, 2]"#, Some(0)),
        ("empty", 6, own, "", Some(0)),
    ] {
        let store = faulty();
        climb(&store, 0, 10).await;
        save(&store, version, by, state).await;
        let world = World::on(store.clone(), guests::HOSTILE, host::settings()).await;
        // From 200 on, 100 metres more are too high.
        let answer = world.ask(host::command("up", "Climber/a", "Climb", r#"{"by": 100}"#)).await;
        let lied = !matches!(read_from, Some(0 | 8));
        assert_eq!(answer.is_err(), lied, "{what}: {answer:?}");
        assert_eq!(store.seen().reads.iter().map(|(_, after)| *after).min(), read_from, "{what}");
        world.engine.shutdown().await;
        if read_from == Some(0) {
            let healed = store.load_snapshot(&climber(), own).await.unwrap().unwrap();
            assert_eq!((healed.version, healed.state.as_slice()), (11, br#"{"height":110}"#.as_slice()), "{what}");
        }
    }
}

/// A snapshot of what never became durable would be a state that never was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_snapshot_runs_ahead_of_the_log() {
    let store = faulty();
    climb(&store, 0, 3).await;
    let world = World::on(store.clone(), guests::HOSTILE, host::settings()).await;
    let full = cantus_model::ports::StoreError::Unwritable("full".into());
    store.on_commits([cantus_tests::faulty::OnCommit::Fail(full)]);
    let answer = world.ask(host::command("fourth", "Climber/a", "Climb", r#"{"by": 1}"#)).await;
    assert_eq!(answer.unwrap_err().code(), "store");
    world.engine.shutdown().await;
    assert_eq!(store.seen().snapshots, [""; 0]);
    climb(&store, 1, 1).await;
    assert_eq!(store.seen().snapshots, ["Climber/a@4"]);
}

/// Pages of one event, of a few, of all: the state is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_make_no_difference() {
    for page_events in [1, 7, 1_000] {
        let store = faulty();
        let world = World::on(store.clone(), guests::COUNTER, host::settings()).await;
        for n in 0..30 {
            accepted(world.ask(increment(&n.to_string())).await);
        }
        world.engine.shutdown().await;
        let settings = EngineSettings { page_events, ..host::settings() };
        let world = World::on(store.clone(), guests::COUNTER, settings).await;
        accepted(world.ask(increment("last")).await);
        assert_eq!(world.log().await.last().unwrap(), r#"last {"value":31}"#);
        assert_eq!(store.seen().reads.len(), 30_usize.div_ceil(page_events));
        world.engine.shutdown().await;
    }
}

/// While a batch is held, its aggregate goes on. The first snapshot that is due waits for its version and is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_aggregate_gets_its_snapshots_too() {
    let store = faulty();
    let world = World::on(store.clone(), guests::HOSTILE, host::settings()).await;
    let held = store.hold().await;
    let climb = |n: u32| host::command(&n.to_string(), "Climber/a", "Climb", r#"{"by": 1}"#);
    let climbing: Vec<_> = (1..=40).map(|n| world.submit(climb(n))).collect();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    drop(held);
    for pending in climbing {
        accepted(pending.await);
    }
    accepted(world.ask(climb(41)).await);
    world.engine.shutdown().await;
    assert_eq!(store.seen().snapshots, ["Climber/a@4", "Climber/a@41"]);
}
