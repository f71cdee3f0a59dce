//! `context.now` and `context.seed`: all that a decision sees of the world.

use std::sync::atomic::{AtomicU64, Ordering};

use cantus_model::Timestamp;
use cantus_tests::{guests, host};

use super::*;

/// Goes back half of the time.
struct Erratic(AtomicU64);

impl Clock for Erratic {
    fn now(&self) -> Timestamp {
        let tick = self.0.fetch_add(1, Ordering::Relaxed);
        Timestamp(if tick.is_multiple_of(2) { 1_000 + tick } else { 1_000 - tick })
    }
}

fn echo(id: &str, aggregate: &str) -> Command {
    host::command(id, aggregate, "Do", "echo-context")
}

/// The context that the guest saw of each command, by id.
async fn seen(world: &World) -> Vec<(String, u64)> {
    let now = |line: &String| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0].to_owned(), words[2].parse().unwrap())
    };
    world.log().await.iter().map(now).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn now_never_runs_backwards_within_a_stream() {
    let store = faulty();
    for host_number in 0..3 {
        let clock = Arc::new(Erratic(AtomicU64::new(0)));
        let world = World::at(store.clone(), guests::ROGUE, host::settings(), clock).await;
        let pending: Vec<_> = (0..20).map(|n| world.submit(echo(&format!("{host_number}-{n}"), "Rogue/a"))).collect();
        for pending in pending {
            accepted(pending.await);
        }
        world.engine.shutdown().await;
    }
    let world = World::on(store, guests::ROGUE, host::settings()).await;
    let times: Vec<u64> = seen(&world).await.into_iter().map(|(_, now)| now).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!((times[0], times[1], times[2], times[20]), (1_000, 1_000, 1_002, 1_018));
    let events = world.store.read_events(&EventQuery { limit: 100, ..Default::default() }).await.unwrap();
    let recorded: Vec<u64> = events.iter().map(|event| event.recorded_at.0).collect();
    assert_eq!(recorded, times, "what the guest saw is when it is recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_stream_has_a_time_of_its_own() {
    let clock = Arc::new(Erratic(AtomicU64::new(0)));
    let world = World::at(faulty(), guests::ROGUE, host::settings(), clock).await;
    for (id, aggregate) in [("a", "Rogue/a"), ("b", "Rogue/b")] {
        accepted(world.ask(echo(id, aggregate)).await);
    }
    assert_eq!(seen(&world).await, [("a".to_owned(), 1_000), ("b".to_owned(), 999)]);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_events_move_the_time_of_their_stream() {
    let clock = Arc::new(Erratic(AtomicU64::new(2)));
    let store = faulty();
    let world = World::at(store.clone(), guests::COUNTER, host::settings(), clock).await;
    assert_eq!(rejected(world.ask(decrement("no")).await), "at-zero");
    accepted(world.ask(increment("yes")).await);
    for (id, now) in [("no", 1_002), ("yes", 997)] {
        assert_eq!(store.command(id).await.unwrap().unwrap().context.now, Timestamp(now));
    }
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_depends_on_the_id_alone() {
    let seeds = async |shards: usize, clock: u64, aggregate: &str| {
        let clock = Arc::new(FixedClock(Timestamp(clock)));
        let settings = EngineSettings { shards, ..host::settings() };
        let world = World::at(faulty(), guests::ROGUE, settings, clock).await;
        for id in ["a", "b"] {
            accepted(world.ask(echo(id, aggregate)).await);
        }
        let log = world.log().await;
        world.engine.shutdown().await;
        log.iter().map(|line| line.split(' ').nth(4).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = seeds(1, 5, "Rogue/a").await;
    assert_ne!(first[0], first[1]);
    assert_eq!(first[0], format!("{:x}", echo("a", "Rogue/z").seed()));
    assert_eq!(seeds(3, 7_000, "Rogue/b").await, first);
}
