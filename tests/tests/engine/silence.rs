//! The store does not answer in time: those who wait are told so, and nothing is decided twice when it comes back.

use std::{sync::mpsc, time::Duration};

use cantus_model::{CommandError, PartitionId, ports::StoreError};
use cantus_store::MemoryStore;
use cantus_tests::{
    faulty::{FaultyStore, OnCommit, faulty},
    guests, host,
};

use super::*;

fn impatient() -> EngineSettings {
    EngineSettings { commit_timeout_ms: 100, batch_commands: 8, ..host::settings() }
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it hangs")
}

/// The answer once commands are let in again.
async fn ask_when_back(world: &World, command: &dyn Fn() -> Command) -> Answer {
    let ask = async {
        loop {
            match world.engine.submit(command()) {
                Ok(pending) => return pending.await,
                Err(error) => assert_eq!(error.code(), "store"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(ask).await
}

/// Everything is answered while the store is silent, and everything is right when it is back: whether or not it blocks
/// the thread that asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_store_is_answered_for() {
    for blocks in [true, false] {
        let world = World::on(faulty(), guests::COUNTER, impatient()).await;
        assert_eq!(accepted(world.ask(increment("before")).await), 1);
        let (held, until) = mpsc::channel();
        let closed = match blocks {
            true => {
                world.store.on_commits([OnCommit::Block(until)]);
                None
            }
            false => Some(world.store.hold().await),
        };
        let first = world.submit(increment("first"));
        while world.store.seen().commits.len() < 2 {
            tokio::task::yield_now().await;
        }
        // Behind the batch: of the same aggregate, and of others.
        let to = |n: usize| host::command(&format!("{n}"), &format!("Counter/{}", n % 4), "Increment", "{}");
        let mut waiting: Vec<_> = (0..30).map(|n| world.submit(to(n))).collect();
        waiting.extend((100..110).map(|n| world.submit(increment(&n.to_string()))));
        let expected = "store: the store did not answer: nothing came within 100 ms (`engine.commit_timeout_ms`); the command may or \
                        may not be recorded, send it again under the same id";
        assert_eq!(refused(soon(first).await), expected);
        for pending in waiting {
            assert_eq!(refused(soon(pending).await), expected);
        }
        let late = world.engine.submit(increment("late")).unwrap_err();
        assert!(matches!(late, CommandError::Store(StoreError::Transient(_))), "{late}");
        drop((held, closed));

        let again = ask_when_back(&world, &|| increment("first")).await;
        assert_eq!(duplicate(again).version, 2, "it was recorded while nobody waited");
        assert_eq!(accepted(world.ask(increment("late")).await), 3);
        for n in 0..30 {
            assert_eq!(accepted(world.ask(to(n)).await), n as u64 / 4 + 1);
        }
        assert_eq!(world.log().await.len(), 33);
        soon(world.engine.shutdown()).await;
    }
}

/// Nothing of the batch was written: it is decided for the first time when it is sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_store_that_then_fails_has_recorded_nothing() {
    let world = World::on(faulty(), guests::COUNTER, impatient()).await;
    let closed = world.store.hold().await;
    world.store.on_commits([OnCommit::Fail(StoreError::Transient("busy".into()))]);
    let first = world.submit(increment("first"));
    assert_eq!(soon(first).await.unwrap_err().code(), "store");
    drop(closed);
    let again = ask_when_back(&world, &|| increment("first")).await;
    assert_eq!(accepted(again), 1);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stays_silent_does_not_keep_the_engine_from_ending() {
    let world = World::on(faulty(), guests::COUNTER, impatient()).await;
    let (held, until) = mpsc::channel();
    world.store.on_commits([OnCommit::Block(until)]);
    let pending: Vec<_> = (0..20).map(|n| world.submit(increment(&n.to_string()))).collect();
    soon(world.engine.shutdown()).await;
    for pending in pending {
        assert_eq!(pending.await.unwrap_err().code(), "store");
    }
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_reading_is_given_up() {
    let settings = EngineSettings { read_timeout_ms: 50, read_attempts: 2, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings.clone()).await;
    assert_eq!(accepted(world.ask(increment("a")).await), 1);
    world.engine.shutdown().await;
    let world = World::on(world.store, guests::COUNTER, settings).await;
    let closed = world.store.hold_reads().await;
    let answer = refused(soon(world.ask(increment("b"))).await);
    assert_eq!(answer, "store: the store did not answer: nothing was read within 50 ms (`engine.read_timeout_ms`)");
    assert_eq!(world.store.seen().reads.len(), 2);
    drop(closed);
    assert_eq!(accepted(world.ask(increment("b")).await), 2);
    world.engine.shutdown().await;
}

/// The commits of one partition do not come back; the other goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_partition_does_not_hold_up_another() {
    let store = FaultyStore::over(Arc::new(MemoryStore::with_partitions(2)));
    let world = World::on(store, guests::COUNTER, impatient()).await;
    let to = |id: &str, n: usize| host::command(id, &format!("Counter/{n}"), "Increment", "{}");
    let partition = |n: usize| PartitionId::of(&to("", n).aggregate, 2);
    let (one, other) = (0, (1..).find(|n| partition(*n) != partition(0)).unwrap());
    let (held, until) = mpsc::channel();
    world.store.on_commits([OnCommit::Block(until)]);
    assert_eq!(soon(world.submit(to("a", one))).await.unwrap_err().code(), "store");
    assert_eq!(world.engine.submit(to("b", one)).unwrap_err().code(), "store");
    assert_eq!(accepted(soon(world.submit(to("c", other))).await), 1);
    drop(held);
    assert_eq!(duplicate(ask_when_back(&world, &|| to("a", one)).await).version, 1);
    soon(world.engine.shutdown()).await;
}
