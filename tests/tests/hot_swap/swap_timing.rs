//! Swaps at moments that a host under load seldom meets, brought about one by one.

use std::sync::Arc;

use cantus_engine::{Engine, EngineSettings, FixedClock, PendingAnswer};
use cantus_model::{
    CommandError, LiveComponent, PartitionId,
    ports::{Component, EventReader as _, Store, StoreError},
};
use cantus_tests::{
    faulty::{FaultyStore, OnCommit, faulty},
    guests, host,
};

use super::{accepted, add, by, component, load, rejected, reset, undecided};

async fn start(store: Arc<dyn Store>, settings: EngineSettings, component: &Arc<dyn Component>) -> Engine {
    host::start_with(settings, store, Arc::clone(component), Arc::new(FixedClock(host::NOW))).await
}

fn swap(engine: &Engine, components: &[&Arc<dyn Component>]) {
    engine
        .swap(&components.iter().map(|component| LiveComponent::new(Arc::clone(component))).collect::<Vec<_>>())
        .unwrap();
}

/// Submits a command whose batch is under way until the gate opens.
async fn held_up(engine: &Engine, store: &FaultyStore, id: &str) -> PendingAnswer {
    let commits = store.seen().commits.len();
    let pending = engine.submit(add(id, "Tally/a", 1)).unwrap();
    while store.seen().commits.len() == commits {
        tokio::task::yield_now().await;
    }
    pending
}

/// Nothing of a stream is kept beside its state: a swap waits for what is under way, then for the store.
fn slowly() -> EngineSettings {
    EngineSettings { tail_bytes: 0, ..host::settings() }
}

/// Decisions before the swap stay, commands that wait are decided after it, and one that the new component does not know is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_wait_that_the_new_one_does_not_have() {
    let [old, new, smaller] =
        [("1.0.0", "good"), ("1.1.0", "good"), ("2.0.0", "no-reset")].map(|(version, mode)| component(version, mode));
    let store = faulty();
    let engine = start(store.clone(), slowly(), &old).await;
    let gate = store.hold().await;
    let first = held_up(&engine, &store, "first").await;
    let ahead = engine.submit(add("ahead", "Tally/a", 2)).unwrap();
    swap(&engine, &[&new]);
    let commands = [reset("r1", "Tally/a"), add("a1", "Tally/a", 3), reset("r2", "Tally/a"), add("a2", "Tally/a", 4)];
    let waiting = commands.map(|command| engine.submit(command).unwrap());
    swap(&engine, &[&smaller]);
    drop(gate);
    assert_eq!((by(first.await), by(ahead.await)), (old.digest(), old.digest()));
    let [r1, a1, r2, a2] = waiting;
    let unknown = "unknown-command: Tally has no command \"Reset\"; it has Add v1";
    assert_eq!((undecided(r1.await), undecided(r2.await)), (unknown.to_owned(), unknown.to_owned()));
    let (a1, a2) = (a1.await.unwrap(), a2.await.unwrap());
    assert_eq!((a1.version, a1.component, a2.version, a2.component), (3, smaller.digest(), 4, smaller.digest()));
    engine.shutdown().await;
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), 4);
}

/// Nobody is there when the queue's turn comes: each is told so, and may be sent again later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_goes_while_commands_wait_for_it() {
    let old = component("1.0.0", "good");
    let store = faulty();
    let engine = start(store.clone(), slowly(), &old).await;
    let gate = store.hold().await;
    let first = held_up(&engine, &store, "first").await;
    swap(&engine, &[&component("1.1.0", "good")]);
    let waiting: Vec<_> = (0..5).map(|n| engine.submit(add(&n.to_string(), "Tally/a", 1)).unwrap()).collect();
    swap(&engine, &[]);
    let late = engine.submit(add("late", "Tally/a", 1)).unwrap();
    drop(gate);
    assert_eq!(accepted(first.await), 1, "it was decided when there was somebody");
    for pending in waiting.into_iter().chain([late]) {
        let unknown = "unknown-aggregate: no plugin hosts the aggregate \"Tally\"; no plugin is live";
        assert_eq!(undecided(pending.await), unknown);
    }
    swap(&engine, &[&old]);
    assert_eq!(accepted(engine.execute(add("0", "Tally/a", 1)).await), 2);
    engine.shutdown().await;
}

/// It was gone for a moment, and nobody noticed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_comes_back_in_time_decides_what_waited() {
    let old = component("1.0.0", "good");
    let store = faulty();
    let engine = start(store.clone(), host::settings(), &old).await;
    let gate = store.hold().await;
    let first = held_up(&engine, &store, "first").await;
    swap(&engine, &[&component("1.1.0", "good")]);
    let waiting: Vec<_> = (0..5).map(|n| engine.submit(add(&n.to_string(), "Tally/a", 1)).unwrap()).collect();
    swap(&engine, &[]);
    swap(&engine, &[&old]);
    drop(gate);
    assert_eq!(accepted(first.await), 1);
    for (version, pending) in (2..).zip(waiting) {
        assert_eq!(accepted(pending.await), version);
    }
    engine.shutdown().await;
}

/// Decisions that ran ahead of a failed batch are taken again, by the component that is live then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speculation_that_fails_after_the_swap_is_decided_by_the_new_one() {
    let (old, new) = (component("1.0.0", "limit-none"), component("1.1.0", "limit-10"));
    for gone in [false, true] {
        let store = faulty();
        let engine = start(store.clone(), host::settings(), &old).await;
        let gate = store.hold().await;
        let first = held_up(&engine, &store, "first").await;
        let ahead = [10, 20].map(|amount| engine.submit(add(&amount.to_string(), "Tally/a", amount)).unwrap());
        store.on_commits([OnCommit::Fail(StoreError::Unwritable("full".into()))]);
        if gone {
            swap(&engine, &[])
        } else {
            swap(&engine, &[&new])
        }
        let behind = engine.submit(reset("behind", "Tally/a")).unwrap();
        drop(gate);
        assert!(matches!(first.await, Err(CommandError::Store(_))));
        let [ten, twenty] = ahead;
        if gone {
            for pending in [ten, twenty, behind] {
                assert!(undecided(pending.await).starts_with("unknown-aggregate"));
            }
        } else {
            let ten = ten.await.unwrap();
            assert_eq!((ten.version, ten.component), (1, new.digest()));
            assert_eq!(rejected(twenty.await), "full");
            assert_eq!(accepted(behind.await), 2);
        }
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregate_is_being_hydrated() {
    let (old, new) = (component("1.0.0", "good"), component("1.1.0", "other-state"));
    let store = faulty();
    let engine = start(store.clone(), host::settings(), &old).await;
    // Eleven events each, so that no snapshot has all of them and every load reads the stream.
    for n in 0..33 {
        accepted(engine.execute(add(&format!("{n}"), &format!("Tally/{}", n % 3), 1)).await);
    }
    engine.shutdown().await;

    let gated = FaultyStore::over(store);
    let settings = EngineSettings { page_events: 1, concurrent_loads: 2, ..host::settings() };
    let engine = start(gated.clone(), settings, &old).await;
    let gate = gated.hold_reads().await;
    let waiting: Vec<_> =
        (0..9).map(|n| engine.submit(add(&format!("w{n}"), &format!("Tally/{}", n % 3), 1)).unwrap()).collect();
    swap(&engine, &[&new]);
    swap(&engine, &[&old]);
    swap(&engine, &[&new]);
    drop(gate);
    for (n, pending) in waiting.into_iter().enumerate() {
        let decided = pending.await.unwrap();
        assert_eq!((decided.version, decided.component), (11 + n as u64 / 3 + 1, new.digest()));
    }
    engine.shutdown().await;
}

/// A roster that contradicts itself is refused whole: nothing changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_of_one_aggregate_are_refused() {
    let old = component("1.0.0", "good");
    let engine = start(faulty(), host::settings(), &old).await;
    let both = load(&guests::shifty("both", "1.0.0", "two-aggregates"));
    let live = [&old, &both].map(|component| LiveComponent::new(Arc::clone(component)));
    let twice = engine.swap(&live).unwrap_err().to_string();
    assert_eq!(twice, "the plugins shifty and both both host the aggregate Tally: remove one of them");
    assert_eq!(by(engine.execute(add("1", "Tally/a", 1)).await), old.digest());
    assert!(undecided(engine.execute(add("2", "Tally2/a", 1)).await).contains("there are Tally"));
    swap(&engine, &[&both]);
    assert_eq!(by(engine.execute(add("3", "Tally/a", 1)).await), both.digest());
    assert_eq!(accepted(engine.execute(add("2", "Tally2/a", 1)).await), 1);
    engine.shutdown().await;
    swap(&engine, &[&old]);
}

/// Only its own faults count, from when it went live this time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_counted_where_they_belong() {
    let (bad, other) = (component("1.0.0", "trap-on-13"), load(&guests::shifty("other", "1.0.0", "other-aggregate")));
    let engine = start(faulty(), host::settings(), &bad).await;
    let fault = async |id: &str| {
        let answer = engine.execute(add(id, "Tally/a", 13)).await;
        assert!(matches!(answer, Err(CommandError::Fault(_))), "{answer:?}");
    };
    let mut lives = vec![];
    for round in 0..3 {
        let (live, beside) = (LiveComponent::new(Arc::clone(&bad)), LiveComponent::new(Arc::clone(&other)));
        // Alone, then beside another, then as it was.
        engine.swap(std::slice::from_ref(&live)).unwrap();
        fault(&format!("{round}-1")).await;
        engine.swap(&[live.clone(), beside.clone()]).unwrap();
        fault(&format!("{round}-2")).await;
        accepted(engine.execute(add(&format!("{round}-3"), "Tally2/a", 13)).await);
        engine.swap(std::slice::from_ref(&beside)).unwrap();
        lives.push((live, beside));
    }
    for (live, beside) in lives {
        let (counts, last) = (live.health.counts(), live.health.last_fault());
        assert_eq!((counts.faults, beside.health.counts().faults), (2, 0));
        assert_eq!((counts.decided, beside.health.counts().decided), (0, 1));
        assert!(last.unwrap().contains("thirteen!"));
    }
    engine.shutdown().await;
}
