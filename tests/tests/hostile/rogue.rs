//! A guest past the SDK: it faults in any call, and answers what it never declared.

use cantus_model::{CommandError, PartitionId};
use cantus_tests::{guests, host};

use super::{World, accepted, shown};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_declared_is_a_fault() {
    let world = World::rogue().await;
    let mut faults = Vec::new();
    for payload in ["undeclared-event", "undeclared-version", "unannounced-event", "unknown"] {
        faults.push(shown(&world.fault(payload, "Rogue/a", "Do", payload).await));
    }
    super::assert_faults!(faults);
    assert_eq!(accepted(world.ask("good", "Rogue/a", "Do", "good").await), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_outside_of_handle_disturbs_nobody() {
    let world = World::rogue().await;
    let mut faults = Vec::new();
    for (round, call) in ["restore-fresh", "combine", "refuse-restore", "refuse-combine"].into_iter().enumerate() {
        let submit =
            |id: String, aggregate: String| world.engine.submit(host::command(&id, &aggregate, "Do", "x")).unwrap();
        let bad: Vec<_> = (0..3).map(|n| submit(format!("{call} {n}"), format!("Rogue/{call}"))).collect();
        let good: Vec<_> = (0..20).map(|n| submit(format!("{round} {n}"), format!("Rogue/{n}"))).collect();
        for pending in good {
            assert_eq!(accepted(pending.await), round as u64 + 1);
        }
        for pending in bad {
            let answer = pending.await;
            let Err(CommandError::Fault(fault)) = answer else { panic!("{answer:?}") };
            faults.push(shown(&fault));
        }
        assert_eq!(world.version(&format!("Rogue/{call}")).await, 0);
    }
    faults.dedup();
    super::assert_faults!(faults);
}

/// Its commands succeed, but every snapshot of it traps: it must not take its neighbours along each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_in_snapshot_costs_the_neighbours_one_hydration() {
    let store = cantus_tests::faulty::faulty();
    let engine = host::start(host::settings(), store.clone(), guests::ROGUE).await;
    let ask =
        async |id: String, aggregate: &str| accepted(engine.execute(host::command(&id, aggregate, "Do", "x")).await);
    assert_eq!(ask("first".into(), "Rogue/neighbour").await, 1);
    for version in 1..20 {
        assert_eq!(ask(format!("bad {version}"), "Rogue/snapshot").await, version);
        assert_eq!(ask(format!("good {version}"), "Rogue/neighbour").await, version + 1);
    }
    let reads = store.seen().reads.iter().filter(|(aggregate, _)| aggregate.id == "neighbour").count();
    assert!(reads <= 1, "the neighbour was hydrated {reads} times");
    engine.shutdown().await;
    assert!(store.seen().snapshots.iter().all(|name| name.starts_with("Rogue/neighbour@")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_too_large_is_done_without() {
    let world = World::rogue().await;
    for version in 1..8 {
        assert_eq!(accepted(world.ask(&format!("{version}"), "Rogue/large-snapshot", "Do", "x").await), version);
    }
}

/// An instance that panics when it is dropped takes its sandbox with it, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_in_drop_loses_nothing() {
    let component = host::load(guests::ROGUE, &host::limits());
    let settings = cantus_engine::EngineSettings { resident_aggregates: 3, ..host::settings() };
    let world = World::start(component, settings).await;
    for round in 0..10 {
        for n in 0..6 {
            let aggregate = if n % 3 == 0 { format!("Rogue/drop-{n}") } else { format!("Rogue/{n}") };
            assert_eq!(accepted(world.ask(&format!("{round}-{n}"), &aggregate, "Do", "x").await), round + 1);
        }
    }
    world.engine.shutdown().await;
    assert_eq!(world.store.log_head(PartitionId::FIRST).await.unwrap(), 60);
}

/// A snapshot that restores with a trap, or not at all, is passed over: the whole stream is folded instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_does_not_restore_is_passed_over() {
    let component = host::load(guests::ROGUE, &host::limits());
    let store = cantus_tests::faulty::faulty();
    for host_number in 0..3 {
        let clock = std::sync::Arc::new(cantus_engine::FixedClock(host::NOW));
        let engine = host::start_with(host::settings(), store.clone(), component.clone(), clock).await;
        for n in 1..5 {
            let id = format!("{host_number}-{n}");
            let answer = engine.execute(host::command(&id, "Rogue/restore-snapshot", "Do", "x")).await;
            assert_eq!(accepted(answer), host_number * 4 + n);
        }
        engine.shutdown().await;
    }
    assert!(store.seen().snapshots.contains(&"Rogue/restore-snapshot@4".to_owned()), "{:?}", store.seen());
    let from_the_start = store.seen().reads.iter().filter(|(_, after)| *after == 0).count();
    assert_eq!(from_the_start, 2);
}
