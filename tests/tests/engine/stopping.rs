//! The engine stops by itself: when the store can never be written again, and when a part of the host panics.

use std::time::Duration;

use cantus_engine::StopReason;
use cantus_model::{
    PartitionId,
    ports::{Journal, StoreError},
};
use cantus_tests::{
    faulty::{OnCommit, faulty},
    guests, host,
    instrumented::{Instrumented, PANIC},
};

use super::*;

/// Whatever goes wrong here hangs without it.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it hangs")
}

fn lost() -> StoreError {
    StoreError::Lost("its file was removed".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_store_stops_the_engine_and_answers_all_that_waits() {
    let settings = EngineSettings { shards: 2, batch_commands: 4, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    assert_eq!(accepted(world.ask(increment("before")).await), 1);
    let stopped = world.engine.stopped();
    let closed = world.store.hold().await;
    let to = |n: usize| host::command(&format!("{n}"), &format!("Counter/{}", n % 9), "Increment", "{}");
    let pending: Vec<_> = (0..100).map(|n| world.submit(to(n))).collect();
    world.store.on_commits([OnCommit::Fail(lost())]);
    drop(closed);
    for pending in pending {
        assert_eq!(refused(soon(pending).await), "store: the store is lost: its file was removed");
    }
    assert_eq!(soon(stopped).await, StopReason::Store(lost()));
    assert_eq!(soon(world.engine.stopped()).await, StopReason::Store(lost()));
    let late = world.engine.submit(increment("late")).unwrap_err();
    assert_eq!(late.to_string(), "the store is lost: its file was removed");
    soon(world.engine.shutdown()).await;
    assert_eq!(world.log().await.len(), 1);
    assert_eq!(world.engine.stats().failed, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_another_replaced_stops() {
    let world = World::of(guests::COUNTER).await;
    world.store.claim(PartitionId::FIRST).await.unwrap();
    assert!(refused(soon(world.ask(increment("a"))).await).starts_with("store: another host took over"));
    assert_eq!(soon(world.engine.stopped()).await, StopReason::Store(StoreError::Fenced));
    soon(world.engine.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_lost_while_it_is_read_stops_the_engine() {
    let world = World::of(guests::COUNTER).await;
    world.store.fail_reads([lost()]);
    assert_eq!(refused(soon(world.ask(increment("a"))).await), "store: the store is lost: its file was removed");
    assert_eq!(soon(world.engine.stopped()).await, StopReason::Store(lost()));
    soon(world.engine.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_may_pass_stops_nothing() {
    let world = World::of(guests::COUNTER).await;
    world.store.on_commits([OnCommit::Fail(StoreError::Unwritable("the disk is full".into()))]);
    assert!(world.ask(increment("a")).await.is_err());
    assert!(tokio::time::timeout(Duration::from_millis(50), world.engine.stopped()).await.is_err());
    assert_eq!(accepted(world.ask(increment("a")).await), 1);
    world.engine.shutdown().await;
    assert!(tokio::time::timeout(Duration::from_millis(50), world.engine.stopped()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_panics_stops_the_engine() {
    let (component, _) = Instrumented::over(component(guests::COUNTER));
    let settings = EngineSettings { shards: 2, ..host::settings() };
    let engine = host::start_with(settings, faulty(), component, Arc::new(FixedClock(host::NOW))).await;
    let submit = |id: &str, n: usize| engine.submit(host::command(id, &format!("Counter/{n}"), "Increment", "{}"));
    assert_eq!(accepted(submit("before", 0).unwrap().await), 1);
    let panicking = submit(PANIC, 0).unwrap();
    let others: Vec<_> = (0..20).filter_map(|n| submit(&n.to_string(), n).ok()).collect();
    let answer = refused(soon(panicking).await);
    assert!(answer.starts_with("host-failed: cantus-shard-"), "{answer}");
    for other in others {
        match soon(other).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code(), "host-failed"),
        }
    }
    let StopReason::Panicked(what) = soon(engine.stopped()).await else { panic!("not a panic") };
    assert!(what.starts_with("cantus-shard-"), "{what}");
    // Those of the other shard too.
    for n in 0..9 {
        assert_eq!(submit("late", n).unwrap_err().code(), "host-failed");
    }
    soon(engine.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committer_that_panics_stops_the_engine() {
    let world = World::of(guests::COUNTER).await;
    world.store.on_commits([OnCommit::Panic]);
    let pending: Vec<_> = (0..20).map(|n| world.submit(increment(&n.to_string()))).collect();
    for pending in pending {
        let answer = refused(soon(pending).await);
        assert!(answer.starts_with("host-failed: the committer of partition 0 panicked"), "{answer}");
    }
    assert!(matches!(soon(world.engine.stopped()).await, StopReason::Panicked(_)));
    soon(world.engine.shutdown()).await;
}
