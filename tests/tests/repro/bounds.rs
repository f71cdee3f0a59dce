//! Faults may come in any number, on streams of any length.

use cantus_engine::repro::ReproSettings;
use cantus_model::{
    PartitionId, Snapshot,
    ports::{Journal, SnapshotStore},
};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_equal_faults_leaves_one_bundle() {
    let world = World::shifty("trap-on-13").await;
    for n in 0..20 {
        fault(world.add(&format!("unlucky {n}"), &format!("Tally/{}", n % 7), 13).await);
    }
    assert_eq!(world.bundle().await.command.unwrap().context.command_id, "unlucky 0");
    assert_eq!(world.engine.stats().repros_lost, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_commands_and_other_words_are_other_faults() {
    let world = World::shifty("trap-on-handle").await;
    for (id, command, payload) in [("1", "Add", r#"{"amount":1}"#), ("2", "Reset", "{}"), ("3", "Reset", "{ }")] {
        fault(world.ask(id, "Tally/a", command, payload).await);
    }
    let names: Vec<_> = world.bundles().await.into_iter().map(|bundle| bundle.command.unwrap().name).collect();
    assert_eq!(names, ["Add", "Reset"]);

    let world = World::on(faulty(), host::load(guests::HOSTILE, &host::limits())).await;
    for how in ["Panic", "Exit", "Panic", "RejectWithoutCode", "Exit"] {
        fault(world.ask(how, "Climber/a", "Misbehave", &format!(r#"{{"how": "{how}"}}"#)).await);
    }
    let kinds: Vec<_> = world.bundles().await.into_iter().map(|bundle| format!("{:?}", bundle.fault.kind)).collect();
    assert_eq!(kinds, ["Trap", "RefusedCall", "Malformed"]);
}

/// Numbers, and ids that have a digit, are not what a fault is about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_numbers_are_the_same_fault() {
    let world = World::on(faulty(), host::load(guests::HOSTILE, &host::limits())).await;
    let mut messages = Vec::new();
    for size in [101, 102] {
        let payload = format!(r#"{{"how": "ManyEvents", "size": {size}}}"#);
        messages.push(fault(world.ask(&size.to_string(), "Climber/a", "Misbehave", &payload).await).message);
    }
    assert_ne!(messages[0], messages[1]);
    assert_eq!(world.bundle().await.fault.message, messages[0]);
}

/// A bundle that the log names is there, or soon will be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_that_never_came_or_is_gone_is_made_again() {
    let world = World::shifty("trap-on-handle").await;
    let next = |answer| world.shelf.answers.lock().unwrap().push_back(answer);
    next(Err("the disk is full".into()));
    let first = world.fault_until(1, "Add", r#"{"amount":1}"#).await;
    // Another one takes its place.
    next(Ok(first));
    world.fault_until(2, "Reset", "{}").await;
    world.fault_until(3, "Add", r#"{"amount":1}"#).await;
    let names: Vec<_> = world.bundles().await.into_iter().map(|bundle| bundle.command.unwrap().name).collect();
    assert_eq!(names, ["Add", "Reset", "Add"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_the_queue_is_counted_and_nobody_waits() {
    let kept = ReproSettings { queue: 1, ..ReproSettings::default() };
    let hostile = host::load(guests::HOSTILE, &host::limits());
    let world = World::with(faulty(), hostile, host::settings(), kept).await;
    let ways = ["Panic", "Exit", "RejectWithoutCode", "Sleep", "Fall", "Recurse"];
    let gate = world.shelf.gate.lock().unwrap();
    let pending = ways.map(|how| {
        let payload = format!(r#"{{"how": "{how}"}}"#);
        world.engine.submit(host::command(how, &format!("Climber/{how}"), "Misbehave", &payload)).unwrap()
    });
    // All are answered while the first bundle is still being written.
    let answers = futures_of(pending);
    drop(gate);
    assert_eq!(answers.len(), ways.len());
    let bundles = world.bundles().await.len() as u64;
    assert!((1..=3).contains(&bundles), "{bundles} bundles");
    assert_eq!(world.engine.stats().repros_lost, ways.len() as u64 - bundles);
}

/// Waits for all of them on this thread, which holds a lock.
fn futures_of<const N: usize>(pending: [cantus_engine::PendingAnswer; N]) -> Vec<Fault> {
    let wait = |pending| tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(pending));
    pending.into_iter().map(|pending| fault(wait(pending))).collect()
}

/// The bundle of a fault after six events of so many bytes and a snapshot at the fourth.
async fn noted(bytes: usize, limit: usize) -> Bundle {
    let hostile = host::load(guests::HOSTILE, &host::limits());
    let store = faulty();
    let kept = ReproSettings { bytes: limit, ..ReproSettings::default() };
    let world = World::with(store.clone(), hostile, host::settings(), kept).await;
    for n in 0..6 {
        let payload = format!(r#"{{"how": "LargeEvent", "size": {bytes}}}"#);
        world.ask(&format!("{n}"), "Climber/a", "Misbehave", &payload).await.unwrap();
    }
    let (aggregate, component) = (AggregateRef::new("Climber", "a"), world.component.digest());
    while store.load_snapshot(&aggregate, component).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    fault(world.ask("bad", "Climber/a", "Misbehave", r#"{"how": "Panic"}"#).await);
    world.bundle().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_stream_begins_with_its_snapshot() {
    let bundle = noted(10_000, 1 << 20).await;
    assert_eq!(shape(&bundle), (6, 0, 6, Some(4), "handle"));
    let bundle = noted(10_000, 30_000).await;
    assert_eq!((shape(&bundle), &bundle.incomplete), ((6, 4, 2, Some(4), "handle"), &None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_too_long_with_its_snapshot_is_left_out() {
    let bundle = noted(10_000, 20_000).await;
    assert_eq!(shape(&bundle), (6, 0, 0, None, "handle"));
    let why = "the history before the fault is longer than `repro.bytes` (20000)";
    assert_eq!(bundle.incomplete.as_deref(), Some(why));
    assert!(bundle.to_json().len() < 20_000);
    let hostile = host::load(guests::HOSTILE, &host::limits());
    let error = cantus_replay::repro::BundleRerun::new(&bundle, hostile, 100).err().unwrap();
    assert_eq!(error.to_string(), format!("the bundle is incomplete and cannot be run: {why}"));
}

/// The damaged snapshot itself is what it faulted on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_too_long_is_left_out() {
    let mut kept = Vec::new();
    for bytes in [1 << 20, 50_000] {
        let world = World::with(
            faulty(),
            shifty("good"),
            host::settings(),
            ReproSettings { bytes, ..ReproSettings::default() },
        )
        .await;
        world.fill("Tally/a", 3).await;
        world.engine.shutdown().await;
        let (aggregate, component, state) = (aggregate("a"), world.component.digest(), vec![b'?'; 100_000]);
        let snapshot = Snapshot { aggregate, version: 3, component, state };
        let claim = world.store.claim(PartitionId::FIRST).await.unwrap();
        world.store.save_snapshots(claim, &[snapshot]).await.unwrap();
        let kept_now = ReproSettings { bytes, ..ReproSettings::default() };
        let world = World::with(world.store, world.component, host::settings(), kept_now).await;
        assert_eq!(world.add("4", "Tally/a", 1).await.unwrap().version, 4);
        kept.push((world.bundle().await, world.component));
    }
    let [(whole, component), (without, _)] = &kept[..] else { panic!("{}", kept.len()) };
    assert_eq!(shape(whole), (3, 3, 0, Some(3), "restore"));
    assert!(cantus_replay::repro::BundleRerun::new(whole, Arc::clone(component), 100).unwrap().runs()[0].reproduced);
    assert_eq!((shape(without), without.incomplete.is_some()), ((3, 0, 0, None, "restore"), true));
}

/// The bound is that of the file, where quotes and control characters take more than in the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_is_longer_than_the_bound() {
    let mut shapes = std::collections::BTreeSet::new();
    for limit in (3_000..14_000).step_by(500) {
        let bundle = noted(1_000, limit).await;
        let length = bundle.to_json().len();
        assert!(length <= limit, "{length} bytes under a bound of {limit}");
        shapes.insert((bundle.after, bundle.events.len(), bundle.snapshot.is_some()));
    }
    let all = [(0, 0, false), (0, 6, true), (4, 2, true)];
    assert!(all.iter().all(|shape| shapes.contains(shape)), "{shapes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_are_made_where_none_are_wanted() {
    let kept = ReproSettings { files: 0, ..ReproSettings::default() };
    let world = World::with(faulty(), shifty("trap-on-13"), host::settings(), kept).await;
    fault(world.add("unlucky", "Tally/a", 13).await);
    assert!(world.bundles().await.is_empty());
}
