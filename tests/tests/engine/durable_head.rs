//! The durable head of a partition follows the log and never runs ahead of it: readers wait for it without polling.

use std::time::Duration;

use cantus_model::{
    PartitionId,
    ports::{EventReader, StoreError},
};
use cantus_tests::{faulty::OnCommit, guests};
use tokio::time::timeout;

use super::*;

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_head_moves_when_a_batch_is_durable_and_not_before() {
    let world = World::of(guests::COUNTER).await;
    let mut head = world.engine.durable_head(PartitionId::FIRST).unwrap();
    assert_eq!(*head.borrow_and_update(), 0);
    let closed = world.store.hold().await;
    let pending = world.submit(increment("1"));
    assert!(timeout(Duration::from_millis(100), head.changed()).await.is_err(), "nothing is durable yet");
    drop(closed);
    timeout(PATIENCE, head.wait_for(|head| *head == 1)).await.expect("it never moves").unwrap();
    assert_eq!(world.store.log_head(PartitionId::FIRST).await, Ok(1));
    assert_eq!(accepted(pending.await), 1);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_events_move_the_head() {
    let world = World::of(guests::COUNTER).await;
    let head = world.engine.durable_head(PartitionId::FIRST).unwrap();
    world.ask(decrement("rejected")).await.unwrap();
    world.store.on_commits([OnCommit::Fail(StoreError::Unwritable("full".into()))]);
    world.ask(increment("failed")).await.unwrap_err();
    assert_eq!(*head.borrow(), 0);
    accepted(world.ask(increment("1")).await);
    duplicate(world.ask(increment("1")).await);
    assert_eq!(*head.borrow(), 1);
    world.engine.shutdown().await;
}

/// The store has written a batch, and its answer was lost: the second attempt finds the records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_does_not_hold_the_head_back() {
    let world = World::of(guests::COUNTER).await;
    let head = world.engine.durable_head(PartitionId::FIRST).unwrap();
    world.store.on_commits([OnCommit::LoseReply(StoreError::Transient("gone".into()))]);
    world.ask(increment("1")).await.unwrap();
    assert_eq!(*head.borrow(), 1);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_engine_begins_at_the_head_of_the_log() {
    let world = World::of(guests::COUNTER).await;
    accepted(world.ask(increment("1")).await);
    world.engine.shutdown().await;
    let next = World::on(world.store, guests::COUNTER, host::settings()).await;
    assert_eq!(*next.engine.durable_head(PartitionId::FIRST).unwrap().borrow(), 1);
    assert!(next.engine.durable_head(PartitionId(1)).is_none());
    next.engine.shutdown().await;
}
