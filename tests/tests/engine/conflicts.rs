//! Another writer gets in between: the order of each aggregate holds, and what was speculated is decided again.

use cantus_model::Entry;
use cantus_tests::{
    faulty::{OnCommit, faulty},
    guests, host,
    store_suite::given,
};

use super::*;

/// An append of another writer to the counter `c` at version `base`: this many events. It stands in for one that the
/// store would fence: only with our own claim can it get in between at all.
fn other(id: &str, base: u64, events: u64) -> Box<Entry> {
    let payloads: Vec<String> = (1..=events).map(|n| format!(r#"{{"value":{}}}"#, base + n)).collect();
    let mut entry = given::accepted(id, "c", base, &payloads.iter().map(String::as_str).collect::<Vec<_>>());
    entry.aggregate.aggregate_type = "Counter".into();
    if let Some(cantus_model::Decision { verdict: cantus_model::Verdict::Accepted(events), .. }) = &mut entry.decision {
        events.iter_mut().for_each(|event| event.name = "Incremented".into());
    }
    Box::new(entry)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_holds_when_another_writer_gets_in_between() {
    let world = World::of(guests::COUNTER).await;
    let closed = world.store.hold().await;
    let first = world.submit(increment("first"));
    while world.store.seen().commits.is_empty() {
        tokio::task::yield_now().await;
    }
    let pending: Vec<_> = (0..50).map(|n| world.submit(increment(&format!("{n}")))).collect();
    world.store.on_commits([
        OnCommit::Work,
        OnCommit::Precede(other("other", 1, 100)),
        OnCommit::Precede(other("more", 101, 100)),
    ]);
    drop(closed);
    assert_eq!(accepted(first.await), 1);
    for (n, pending) in pending.into_iter().enumerate() {
        assert_eq!(accepted(pending.await), n as u64 + 202);
    }
    let mut ids = vec!["first"];
    ids.extend([["other"; 100], ["more"; 100]].as_flattened());
    let own: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    ids.extend(own.iter().map(String::as_str));
    let expected: Vec<String> = (1..).zip(ids).map(|(n, id)| format!(r#"{id} {{"value":{n}}}"#)).collect();
    assert_eq!(world.log().await, expected);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_always_loses_is_told_so() {
    let settings = EngineSettings { conflict_retries: 2, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    let others = (0..3).map(|n| OnCommit::Precede(other(&format!("other-{n}"), n, 1)));
    world.store.on_commits(others);
    assert_eq!(refused(world.ask(increment("unlucky")).await), "conflict: the stream is at version 3");
    assert_eq!(accepted(world.ask(increment("unlucky")).await), 4, "the same id may try again");
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expected_version() {
    let world = World::of(guests::COUNTER).await;
    let expecting = |id: &str, version: u64| Command { expected_version: Some(version), ..increment(id) };
    assert_eq!(accepted(world.ask(expecting("new", 0)).await), 1);
    assert_eq!(
        refused(world.ask(expecting("late", 0)).await),
        "conflict: the stream is at version 1, not at 0 as expected"
    );
    assert_eq!(accepted(world.ask(expecting("next", 1)).await), 2);
    assert!(duplicate(world.ask(expecting("new", 0)).await).duplicate, "it was met when it was decided");
    // In flight, each expects what the one before will have done.
    let pending: Vec<_> = (2..20).map(|version| world.submit(expecting(&format!("{version}"), version))).collect();
    for (version, pending) in (3..).zip(pending) {
        assert_eq!(accepted(pending.await), version);
    }
    // One that expects what another writer made untrue.
    world.store.on_commits([OnCommit::Precede(other("other", 20, 1))]);
    assert_eq!(
        refused(world.ask(expecting("beaten", 20)).await),
        "conflict: the stream is at version 21, not at 20 as expected"
    );
    world.engine.shutdown().await;
}

/// Each command sent twice at once: every second one undoes what was speculated after it, and all are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_duplicates_in_flight_are_no_conflict() {
    let world = World::of(guests::COUNTER).await;
    let closed = world.store.hold().await;
    let pending: Vec<_> = (0..20).flat_map(|n| [n, n]).map(|n| world.submit(increment(&format!("{n}")))).collect();
    drop(closed);
    for (n, pending) in pending.into_iter().enumerate() {
        let decided = pending.await.unwrap();
        assert_eq!((decided.version, decided.duplicate), (n as u64 / 2 + 1, n % 2 == 1));
    }
    assert_eq!(world.log().await, (0..20).map(|n| format!(r#"{n} {{"value":{}}}"#, n + 1)).collect::<Vec<_>>());
    world.engine.shutdown().await;
}

/// Something that was refused at the door is never decided, whatever happens to its neighbours in the batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_stays_one_when_the_others_are_decided_again() {
    let settings = EngineSettings { payload_bytes: 100, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    let closed = world.store.hold().await;
    let first = world.submit(increment("first"));
    while world.store.seen().commits.is_empty() {
        tokio::task::yield_now().await;
    }
    let large = format!("{{}}{}", " ".repeat(100));
    let again = world.submit(increment("again"));
    let twice = world.submit(increment("again"));
    let refusals: Vec<_> = [
        Command { payload: large.into(), ..increment("large") },
        Command { name: "Explode".into(), ..increment("unknown") },
        Command { version: Some(9), ..increment("version") },
    ]
    .map(|command| world.submit(command))
    .into();
    let last = world.submit(increment("last"));
    drop(closed);
    assert_eq!((accepted(first.await), accepted(again.await), duplicate(twice.await).version), (1, 2, 2));
    for (pending, code) in refusals.into_iter().zip(["too-large", "unknown-command", "unknown-command"]) {
        assert_eq!(pending.await.unwrap_err().code(), code);
    }
    assert_eq!(accepted(last.await), 3);
    world.engine.shutdown().await;
}
