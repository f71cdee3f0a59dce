//! Aggregates that were in memory before a swap: each is hydrated again by the new component, and by nothing that the old one wrote.

use std::{sync::Arc, time::Duration};

use cantus_engine::{Engine, EngineSettings, FixedClock};
use cantus_model::{AggregateRef, CommandError, LiveComponent, ports::Component};
use cantus_tests::{
    faulty::{FaultyStore, faulty},
    host,
};

use super::{accepted, add, component};

async fn start(store: &Arc<FaultyStore>, settings: EngineSettings, component: &Arc<dyn Component>) -> Engine {
    host::start_with(settings, store.clone(), Arc::clone(component), Arc::new(FixedClock(host::NOW))).await
}

fn swap(engine: &Engine, component: &Arc<dyn Component>) {
    engine.swap(&[LiveComponent::new(Arc::clone(component))]).unwrap();
}

/// Waits until the store has seen so many reads, and returns those after the first `after`.
async fn reads(store: &FaultyStore, after: usize, count: usize) -> Vec<(String, u64)> {
    let all = async {
        while store.seen().reads.len() < after + count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.unwrap_or_else(|_| panic!("{:?}", store.seen().reads));
    store.seen().reads[after..].iter().map(|(aggregate, version)| (aggregate.id.clone(), *version)).collect()
}

/// More of them than there are sandboxes for: with the new one nobody is in quarantine any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_in_quarantine_are_let_out() {
    let (bad, good) = (component("1.0.0", "trap-on-13"), component("1.0.1", "good"));
    let store = faulty();
    let engine =
        start(&store, EngineSettings { quarantine_sandboxes: 1, page_events: 1, ..host::settings() }, &bad).await;
    let submit = |id: String, n: u64, amount| engine.submit(add(&id, &format!("Tally/{n}"), amount)).unwrap();
    for n in 0..8 {
        accepted(submit(format!("before-{n}"), n, 1).await);
        accepted(submit(format!("again-{n}"), n, 1).await);
        let fault = submit(format!("bad-{n}"), n, 13).await;
        assert!(matches!(fault, Err(CommandError::Fault(_))), "{fault:?}");
    }
    // All of them wait for the one fixture, some with a command that would fault again.
    let waiting: Vec<_> = (0..8).map(|n| submit(format!("wait-{n}"), n, if n % 2 == 0 { 13 } else { 1 })).collect();
    swap(&engine, &good);
    let behind: Vec<_> = (0..8).map(|n| submit(format!("behind-{n}"), n, 13)).collect();
    for (n, pending) in waiting.into_iter().enumerate() {
        match pending.await {
            Err(CommandError::Fault(fault)) => assert!(n % 2 == 0 && fault.component == bad.digest(), "{n}: {fault}"),
            answer => assert_eq!(accepted(answer), 3, "{n}"),
        }
    }
    for pending in behind {
        assert_eq!(pending.await.unwrap().component, good.digest());
    }
    engine.shutdown().await;
}

/// Snapshots at every fifth event. Which of them is used shows in where reading begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_serves_only_who_wrote_it() {
    let (one, other) = (component("1.0.0", "good"), component("1.1.0", "other-state"));
    let store = faulty();
    let engine = start(&store, EngineSettings { background_loads: 0, tail_bytes: 0, ..host::settings() }, &one).await;
    let mut seen = 0;
    for (round, (component, from)) in
        [(&one, None), (&other, Some(0)), (&one, Some(5)), (&other, Some(10)), (&one, Some(15))].into_iter().enumerate()
    {
        swap(&engine, component);
        for n in 0..5 {
            let decided = engine.execute(add(&format!("{round}-{n}"), "Tally/a", 1)).await.unwrap();
            assert_eq!((decided.version, decided.component), ((round * 5 + n + 1) as u64, component.digest()));
        }
        let expected = from.map(|from| ("a".to_owned(), from));
        let read = reads(&store, seen, usize::from(expected.is_some())).await;
        assert_eq!(read, Vec::from_iter(expected), "round {round}");
        seen += read.len();
        // It is saved behind everybody's back.
        let saved = format!("Tally/a@{}", (round + 1) * 5);
        while !store.seen().snapshots.contains(&saved) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    engine.shutdown().await;
}

/// Nobody asks, and yet they are in memory again, the most recently used first: then a command reads nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_memory_is_so_again_before_anybody_asks() {
    let (one, other) = (component("1.0.0", "good"), component("1.0.1", "same-but-different"));
    let store = faulty();
    let engine = start(&store, EngineSettings { background_loads: 1, tail_bytes: 0, ..host::settings() }, &one).await;
    for n in 0..6 {
        accepted(engine.execute(add(&format!("{n}"), &format!("Tally/{n}"), 1)).await);
    }
    let newest_first: Vec<_> = (0..6).rev().map(|n| (n.to_string(), 0)).collect();
    for (round, component) in [&other, &one, &other].into_iter().enumerate() {
        swap(&engine, component);
        assert_eq!(reads(&store, round * 6, 6).await, newest_first, "round {round}");
    }
    for n in 0..6 {
        let decided = engine.execute(add(&format!("after-{n}"), &format!("Tally/{n}"), 1)).await.unwrap();
        assert_eq!((decided.version, decided.component), (2, other.digest()));
    }
    assert_eq!(store.seen().reads.len(), 18, "all of them were in memory");
    engine.shutdown().await;
    assert_eq!(cantus_replay::fold(&*store, other, &AggregateRef::new("Tally", "3"), None).await.unwrap().version, 2);
}
