//! The store fails: nothing is answered that is not durable, and what ran ahead is discarded.

use cantus_model::PartitionId;
use cantus_model::ports::{Journal, StoreError};
use cantus_tests::{
    faulty::{OnCommit, faulty},
    guests, host,
};

use super::*;

fn transient() -> StoreError {
    StoreError::Transient("busy".into())
}

fn full() -> StoreError {
    StoreError::Unwritable("the disk is full".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transient_failure_is_tried_again() {
    let world = World::of(guests::COUNTER).await;
    world.store.on_commits([OnCommit::Fail(transient()), OnCommit::Fail(transient())]);
    assert_eq!(accepted(world.ask(increment("a")).await), 1);
    assert_eq!(world.store.seen().commits, [1, 1, 1]);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stays_silent_is_given_up_after_the_attempts() {
    let settings = EngineSettings { commit_attempts: 3, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    world.store.on_commits((0..3).map(|_| OnCommit::Fail(transient())));
    assert_eq!(refused(world.ask(increment("a")).await), "store: the store did not answer: busy");
    assert_eq!(world.store.seen().commits.len(), 3);
    assert_eq!(accepted(world.ask(increment("a")).await), 1);
    world.engine.shutdown().await;
}

/// The commit was applied and its answer lost: the retry finds the records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_is_no_second_decision() {
    let world = World::of(guests::COUNTER).await;
    world.store.on_commits([OnCommit::LoseReply(transient())]);
    let decided = duplicate(world.ask(increment("a")).await);
    assert_eq!((decided.version, decided.first_offset), (1, Some(0)));
    assert_eq!(accepted(world.ask(increment("b")).await), 2);
    assert_eq!(world.log().await, [r#"a {"value":1}"#, r#"b {"value":2}"#]);
    world.engine.shutdown().await;
}

/// Applied, and the error says otherwise: the caller hears of the error, and by sending again of the truth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_error_is_put_right_by_sending_again() {
    let world = World::of(guests::COUNTER).await;
    world.store.on_commits([OnCommit::LoseReply(StoreError::Other("gone".into()))]);
    assert_eq!(refused(world.ask(increment("a")).await), "store: the store failed: gone");
    assert_eq!(duplicate(world.ask(increment("a")).await).version, 1);
    assert_eq!(accepted(world.ask(increment("b")).await), 2);
    world.engine.shutdown().await;
}

/// A batch fails while others speculate on it: its commands hear of it, and the others see the durable state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_ahead_of_a_failed_batch_is_decided_again() {
    let world = World::of(guests::COUNTER).await;
    assert_eq!(accepted(world.ask(increment("durable")).await), 1);
    let closed = world.store.hold().await;
    let failing = world.submit(increment("failing"));
    while world.store.seen().commits.len() < 2 {
        tokio::task::yield_now().await;
    }
    let ahead: Vec<_> = ["x", "y", "z"].map(|id| world.submit(decrement(id))).into();
    world.store.on_commits([OnCommit::Fail(full())]);
    drop(closed);
    assert_eq!(refused(failing.await), "store: the store cannot write: the disk is full");
    let mut ahead = ahead.into_iter();
    assert_eq!(accepted(ahead.next().unwrap().await), 2, "the counter stood at 1, not at 2");
    for pending in ahead {
        assert_eq!(rejected(pending.await), "at-zero");
    }
    assert_eq!(world.log().await, [r#"durable {"value":1}"#, r#"x {"value":0}"#]);
    assert_eq!(accepted(world.ask(increment("failing")).await), 3);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_aggregates_of_a_failed_batch_hear_of_it_too_and_go_on() {
    let world = World::of(guests::COUNTER).await;
    let to = |round: u64, n: u64| host::command(&format!("{round}-{n}"), &format!("Counter/{n}"), "Increment", "{}");
    for round in 0..4 {
        if round % 2 == 1 {
            world.store.on_commits((0..20).map(|_| OnCommit::Fail(full())));
        }
        let pending: Vec<_> = (0..20).map(|n| world.submit(to(round, n))).collect();
        let mut failed = 0;
        for pending in pending {
            match pending.await {
                Ok(decided) => assert_eq!(decided.version, round / 2 + 1),
                Err(error) => {
                    assert_eq!(error.code(), "store");
                    failed += 1;
                }
            }
        }
        assert_eq!(failed, if round % 2 == 1 { 20 } else { 0 });
        // What is left of the failures is used up by commands that nobody counts.
        for n in 0..20 {
            let _ = world.ask(host::command(&format!("used-{round}-{n}"), "Counter/used", "Increment", "{}")).await;
        }
    }
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregate_that_cannot_be_read_is_answered_and_read_again() {
    let settings = EngineSettings { read_attempts: 3, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    world.store.fail_reads([transient(), transient()]);
    assert_eq!(accepted(world.ask(host::command("0", "Counter/other", "Increment", "{}")).await), 1, "the third time");
    world.store.fail_reads([transient(), transient(), transient()]);
    assert_eq!(refused(world.ask(increment("a")).await), "store: the store did not answer: busy");
    assert_eq!(accepted(world.ask(increment("a")).await), 1);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_another_replaced_writes_nothing() {
    let world = World::of(guests::COUNTER).await;
    assert_eq!(accepted(world.ask(increment("a")).await), 1);
    world.store.claim(PartitionId::FIRST).await.unwrap();
    for id in ["b", "c"] {
        assert!(refused(world.ask(increment(id)).await).starts_with("store: another host took over"));
    }
    assert_eq!(world.log().await.len(), 1);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_answers_all_that_was_admitted() {
    let world = World::of(guests::COUNTER).await;
    let closed = world.store.hold().await;
    let pending: Vec<_> = (0..100)
        .map(|n| world.submit(host::command(&format!("{n}"), &format!("Counter/{}", n % 9), "Increment", "{}")))
        .collect();
    let ((), ()) = tokio::join!(world.engine.shutdown(), async {
        assert_eq!(refused(world.ask(increment("late")).await), "shutting-down: the host is shutting down");
        drop(closed);
    });
    for pending in pending {
        accepted(pending.await);
    }
    assert_eq!(world.log().await.len(), 100);
    world.engine.shutdown().await;
}
