//! Bundles hold what each kind of fault needs to be seen again.

use cantus_model::{FaultKind, ports::StoreError};
use cantus_tests::faulty::OnCommit;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_in_handle_is_kept_with_all_that_came_before() {
    let world = World::shifty("trap-on-13").await;
    world.fill("Tally/a", 3).await;
    let fault = fault(world.add("unlucky", "Tally/a", 13).await);
    let bundle = world.bundle().await;
    assert_eq!(shape(&bundle), (3, 0, 3, None, "handle"));
    assert_eq!((bundle.plugin.as_str(), bundle.plugin_version.to_string().as_str()), ("shifty", "1.0.0"));
    assert_eq!((bundle.component, &bundle.aggregate), (world.component.digest(), &aggregate("a")));
    let events: Vec<_> = bundle.events.iter().map(|event| (event.name.as_str(), event.version)).collect();
    assert_eq!(events, [("Added", 1); 3]);
    assert_eq!(bundle.events[2].payload, br#"{"amount":1}"#);
    let command = bundle.command.unwrap();
    assert_eq!((command.name.as_str(), command.version), ("Add", 1));
    assert_eq!(command.payload, br#"{"amount":13}"#);
    assert_eq!((command.context.command_id.as_str(), command.context.now), ("unlucky", host::NOW));
    assert_eq!(bundle.fault.kind, FaultKind::Trap);
    assert!(bundle.fault.message.ends_with("thirteen!"), "{}", bundle.fault.message);
    assert_eq!((bundle.fault.message, bundle.fault.backtrace), (fault.message, fault.backtrace));
    assert_eq!((bundle.incomplete, bundle.shortened_from), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_on_its_own_event_is_kept_with_the_command() {
    let world = World::shifty("trap-late").await;
    world.fill("Tally/a", 9).await;
    assert_eq!(fault(world.add("tenth", "Tally/a", 1).await).call, "combine");
    let bundle = world.bundle().await;
    assert_eq!((bundle.version, bundle.after, bundle.events.len()), (9, 0, 9));
    assert_eq!(bundle.command.unwrap().context.command_id, "tenth");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_does_not_fold_is_kept_as_far_as_it_was_read() {
    let store = faulty();
    let good = World::on(store.clone(), shifty("good")).await;
    good.fill("Tally/a", 25).await;
    good.engine.shutdown().await;
    // Pages of eight: the tenth event is in the second.
    let settings = EngineSettings { page_events: 8, ..host::settings() };
    let world = World::with(store, shifty("trap-late"), settings, repro::ReproSettings::default()).await;
    assert_eq!(fault(world.add("26", "Tally/a", 1).await).call, "combine");
    let bundle = world.bundle().await;
    assert_eq!(shape(&bundle), (16, 0, 16, None, "combine"));
    assert_eq!(bundle.command, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_state_may_be_restored_from_is_kept() {
    let store = faulty();
    let world = World::on(store.clone(), shifty("trap-on-13")).await;
    world.fill("Tally/a", 7).await;
    world.engine.shutdown().await;
    assert_eq!(store.seen().snapshots, ["Tally/a@5"]);
    let world = World::on(store, shifty("trap-on-13")).await;
    fault(world.add("unlucky", "Tally/a", 13).await);
    let bundle = world.bundle().await;
    assert_eq!(shape(&bundle), (7, 0, 7, Some(5), "handle"));
    assert_eq!(bundle.snapshot.unwrap().state, br#"{"events":5,"total":5}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_every_other_call_are_kept() {
    let rogue = host::load(guests::ROGUE, &host::limits());
    let store = faulty();
    for (call, version) in [("restore-fresh", 0), ("combine", 0), ("snapshot", 2), ("restore-snapshot", 2)] {
        let aggregate = format!("Rogue/{call}");
        let mut kept = Vec::new();
        // The second host restores what the first one saved.
        for round in 0..2 {
            let world = World::on(store.clone(), Arc::clone(&rogue)).await;
            for command in 0..2 {
                let _ = world.ask(&format!("{call} {round} {command}"), &aggregate, "Do", "x").await;
            }
            kept.extend(world.bundles().await);
        }
        let (bundle, name) = (&kept[0], call.split('-').next().unwrap());
        assert_eq!((bundle.fault.call.as_str(), bundle.version), (name, version), "{call}");
        assert!(bundle.fault.message.contains("I told you"), "{}", bundle.fault.message);
        let (snapshot, events) = (bundle.snapshot.is_some(), bundle.events.len());
        match call {
            "restore-snapshot" => assert_eq!((snapshot, events, bundle.after), (true, 0, 2)),
            "snapshot" => assert_eq!((snapshot, events, &bundle.command), (false, 2, &None)),
            "combine" => assert!(bundle.command.is_some()),
            _ => assert_eq!((snapshot, events, &bundle.command), (false, 0, &None)),
        }
    }
}

/// The state of a fault never was: the batch before it failed. The command is decided again, on what is durable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_on_what_did_not_become_durable_says_so() {
    let world = World::shifty("trap-on-13").await;
    world.fill("Tally/a", 2).await;
    let closed = world.store.hold().await;
    let submit = |id: &str, amount: u64| {
        let payload = format!(r#"{{"amount":{amount}}}"#);
        world.engine.submit(host::command(id, "Tally/a", "Add", &payload)).unwrap()
    };
    let failing = submit("failing", 1);
    while world.store.seen().commits.len() < 3 {
        tokio::task::yield_now().await;
    }
    let unlucky = submit("unlucky", 13);
    world.store.on_commits([OnCommit::Fail(StoreError::Unwritable("full".into()))]);
    drop(closed);
    assert!(matches!(failing.await, Err(CommandError::Store(_))));
    fault(unlucky.await);
    let bundles = world.bundles().await;
    let [unfounded, founded] = &bundles[..] else { panic!("{bundles:#?}") };
    assert_eq!(unfounded.incomplete.as_deref(), Some("it was decided on events that did not become durable"));
    assert_eq!(shape(unfounded), (3, 0, 0, None, "handle"));
    assert_eq!((shape(founded), &founded.incomplete), ((2, 0, 2, None, "handle"), &None));
    let names: Vec<_> = world.shelf.written.lock().unwrap().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names[0], names[1], "the second takes the place of the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_history_gives_the_same_files() {
    let mut hosts = Vec::new();
    for shards in [1, 3] {
        let settings = EngineSettings { shards, ..host::settings() };
        let world = World::with(faulty(), shifty("trap-on-13"), settings, repro::ReproSettings::default()).await;
        world.fill("Tally/a", 3).await;
        fault(world.add("unlucky", "Tally/a", 13).await);
        world.engine.shutdown().await;
        hosts.push(world.shelf.written.lock().unwrap().clone());
    }
    assert_eq!(hosts[0].len(), 1);
    assert_eq!(hosts[0], hosts[1]);
}
