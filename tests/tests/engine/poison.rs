//! One entry that the store refuses: only it fails, whoever shares its batch.

use cantus_model::ports::StoreError;
use cantus_tests::{
    faulty::{OnCommit, faulty},
    guests, host,
};

use super::*;

/// Commands to `n` counters while the first batch is held, so that all others share one.
async fn batch(world: &World, ids: impl Iterator<Item = usize>, counters: usize) -> Vec<PendingAnswer> {
    let closed = world.store.hold().await;
    let before = world.store.seen().commits.len();
    let first = world.submit(host::command(&format!("first-{before}"), "Counter/first", "Increment", "{}"));
    while world.store.seen().commits.len() == before {
        tokio::task::yield_now().await;
    }
    let to = |n: usize| host::command(&format!("{n}"), &format!("Counter/{}", n % counters), "Increment", "{}");
    let pending = ids.map(|n| world.submit(to(n))).collect();
    // Once the last of them is decided, all are at the committer.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    drop(closed);
    accepted(first.await);
    pending
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_poisonous_entry_of_a_batch_fails() {
    let world = World::of(guests::COUNTER).await;
    world.store.refuse("37");
    let pending = batch(&world, 0..100, 100).await;
    for (n, pending) in pending.into_iter().enumerate() {
        match n {
            37 => assert_eq!(refused(pending.await), "store: the store failed: 37 is poison"),
            _ => assert_eq!(accepted(pending.await), 1),
        }
    }
    let commits = world.store.seen().commits;
    assert!(commits.contains(&100) && commits.len() < 20, "{commits:?}");
    assert_eq!(world.log().await.len(), 100);
    world.engine.shutdown().await;
}

/// Decisions that stood on the failed entry's events are taken again, in the order of admission.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_behind_it_keep_their_order() {
    let world = World::of(guests::COUNTER).await;
    world.store.refuse("10");
    let pending = batch(&world, 0..40, 1).await;
    for (n, pending) in pending.into_iter().enumerate() {
        match n {
            10 => assert_eq!(pending.await.unwrap_err().code(), "store"),
            _ => assert_eq!(accepted(pending.await), if n < 10 { n as u64 + 1 } else { n as u64 }),
        }
    }
    let log = world.log().await;
    let ids: Vec<&str> = log.iter().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    let expected: Vec<String> = (0..40).filter(|n| *n != 10).map(|n| n.to_string()).collect();
    assert_eq!(ids, expected);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_an_entrys_fault_divides_no_batch() {
    for error in [StoreError::Unwritable("full".into()), StoreError::Transient("busy".into())] {
        let settings = EngineSettings { commit_attempts: 1, ..host::settings() };
        let world = World::on(faulty(), guests::COUNTER, settings).await;
        world.store.on_commits([OnCommit::Work, OnCommit::Fail(error)]);
        for pending in batch(&world, 0..20, 20).await {
            assert_eq!(pending.await.unwrap_err().code(), "store");
        }
        assert_eq!(world.store.seen().commits, [1, 20]);
        world.engine.shutdown().await;
    }
}

/// A store that fails at everything is not asked about each of hundreds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_always_fails_is_given_up_soon() {
    let world = World::of(guests::COUNTER).await;
    let broken = || OnCommit::Fail(StoreError::Other("broken".into()));
    world.store.on_commits(std::iter::once(OnCommit::Work).chain((0..1_000).map(|_| broken())));
    for pending in batch(&world, 0..400, 400).await {
        assert_eq!(pending.await.unwrap_err().code(), "store");
    }
    assert!(world.store.seen().commits.len() < 60, "{:?}", world.store.seen().commits);
    world.engine.shutdown().await;
}
