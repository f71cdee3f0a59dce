//! Bundles that are run again, on the component that faulted and on others, and shortened.

use cantus_replay::repro::{BundleRerun, BundleSnapshot, RerunError, RerunOutcome, StartingState, shorten};

use super::*;

/// Nine events, and a command for the tenth, which traps.
async fn late() -> (World, Bundle) {
    let world = World::shifty("trap-late").await;
    world.fill("Tally/a", 9).await;
    fault(world.add("tenth", "Tally/a", 1).await);
    let mut bundle = world.bundle().await;
    // Whether it was written in time is another matter.
    bundle.snapshot = None;
    (world, bundle)
}

fn rerun<'a>(bundle: &'a Bundle, component: &Arc<dyn Component>) -> BundleRerun<'a> {
    BundleRerun::new(bundle, Arc::clone(component), 100).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recorded_fault_comes_again_with_its_backtrace() {
    let (world, bundle) = late().await;
    let runs = rerun(&bundle, &world.component).runs();
    let [run] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!((run.start, run.events, run.reproduced), (StartingState::FirstEvent, 9, true));
    let RerunOutcome::Fault(fault) = &run.outcome else { panic!("{run:?}") };
    assert_eq!((&fault.message, &fault.backtrace), (&bundle.fault.message, &bundle.fault.backtrace));
    assert!(fault.backtrace.iter().any(|frame| frame.ends_with("instance.combine")), "{:#?}", fault.backtrace);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_component_shows_whether_it_is_fixed() {
    let (_world, bundle) = late().await;
    let came = |mode: &str| rerun(&bundle, &shifty(mode)).runs().remove(0);
    let fixed = came("good");
    assert!(!fixed.reproduced);
    let RerunOutcome::Accepted(events) = fixed.outcome else { panic!("{fixed:?}") };
    assert_eq!((events.len(), events[0].payload.as_slice()), (1, br#"{"amount":1}"#.as_slice()));
    // The same words from another file are the same fault.
    let late_too = host::runtime(&host::limits()).load(&guests::shifty("shifty", "1.0.1", "trap-late")).unwrap();
    assert!(rerun(&bundle, &late_too).runs()[0].reproduced);
    let other_fault = came("trap-on-handle");
    assert!(!other_fault.reproduced && matches!(other_fault.outcome, RerunOutcome::Fault(_)), "{other_fault:?}");
    assert!(matches!(came("no-added").outcome, RerunOutcome::Fault(_)), "it knows no such event");

    let error = BundleRerun::new(&bundle, shifty("other-aggregate"), 100).err();
    let not_hosted = RerunError::NotHosted { plugin: "shifty 1.0.0".into(), aggregate: "Tally".into() };
    assert_eq!(error, Some(not_hosted));
}

/// They should agree. This snapshot has lost the count of events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_to_a_state_are_tried() {
    let (world, mut bundle) = late().await;
    let snapshot = |state: &[u8]| Some(BundleSnapshot { version: 5, state: state.into() });
    bundle.snapshot = snapshot(br#"{"events":5,"total":5}"#);
    let again = |bundle: &Bundle| -> Vec<_> {
        rerun(bundle, &world.component).runs().iter().map(|run| (run.start, run.events, run.reproduced)).collect()
    };
    assert_eq!(again(&bundle), [(StartingState::FirstEvent, 9, true), (StartingState::Snapshot, 4, true)]);
    bundle.snapshot = snapshot(br#"{"events":0,"total":5}"#);
    assert_eq!(again(&bundle), [(StartingState::FirstEvent, 9, true), (StartingState::Snapshot, 4, false)]);

    // Without the first events the snapshot is all there is, and no other component reads it.
    bundle.snapshot = snapshot(br#"{"events":5,"total":5}"#);
    bundle.events.drain(..5);
    bundle.after = 5;
    let bundle = Bundle::parse(&bundle.to_json()).unwrap();
    assert_eq!(again(&bundle), [(StartingState::Snapshot, 4, true)]);
    let error = BundleRerun::new(&bundle, shifty("good"), 100).err();
    assert!(matches!(error, Some(RerunError::ForeignSnapshot { .. })), "{error:?}");
    assert_eq!(shorten(&rerun(&bundle, &world.component), 100, |_, _| ()).unwrap().bundle.events.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_fault_comes_again() {
    let hostile = host::load(guests::HOSTILE, &host::limits());
    let world = World::on(faulty(), Arc::clone(&hostile)).await;
    let ways = ["Loop", "Allocate", "Recurse", "Panic", "RejectWithoutCode", "Sleep", "Exit", "Fall"];
    for how in ways {
        world.ask(&format!("before {how}"), &format!("Climber/{how}"), "Climb", r#"{"by": 1}"#).await.unwrap();
        let payload = format!(r#"{{"how": "{how}"}}"#);
        fault(world.ask(how, &format!("Climber/{how}"), "Misbehave", &payload).await);
    }
    let many = fault(world.ask("many", "Climber/a", "Misbehave", r#"{"how": "ManyEvents", "size": 101}"#).await);
    assert!(many.message.contains("the limit"), "{many}");
    let bundles = world.bundles().await;
    assert_eq!(bundles.len(), ways.len() + 1);
    for bundle in &bundles {
        let runs = rerun(bundle, &hostile).runs();
        assert!(runs[0].reproduced, "{:?} came as {:?}", bundle.fault, runs[0].outcome);
    }
    // Under a larger limit it does not come.
    let many = bundles.iter().find(|bundle| bundle.fault.message.contains("the limit")).unwrap();
    assert!(!BundleRerun::new(many, hostile, 1_000).unwrap().runs()[0].reproduced);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_without_a_command_come_again() {
    let rogue = host::load(guests::ROGUE, &host::limits());
    let store = faulty();
    let mut calls = Vec::new();
    for round in 0..2 {
        for id in ["restore-fresh", "snapshot", "restore-snapshot", "refuse-restore"] {
            let world = World::on(store.clone(), Arc::clone(&rogue)).await;
            for command in 0..2 {
                let _ = world.ask(&format!("{id} {round} {command}"), &format!("Rogue/{id}"), "Do", "x").await;
            }
            for bundle in world.bundles().await {
                let runs = rerun(&bundle, &rogue).runs();
                assert!(runs.iter().any(|run| run.reproduced), "{:?} came as {runs:?}", bundle.fault);
                calls.push(format!("{round} {} {:?}", bundle.fault.call, bundle.fault.kind));
            }
        }
    }
    let all = ["0 restore Trap", "0 snapshot Trap", "0 restore Malformed"];
    let again = ["1 restore Trap", "1 snapshot Trap", "1 restore Trap", "1 restore Malformed"];
    assert_eq!(calls, [all.as_slice(), &again].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shortening_leaves_the_events_that_the_fault_takes() {
    let store = faulty();
    let good = World::on(store.clone(), shifty("good")).await;
    good.fill("Tally/a", 25).await;
    good.engine.shutdown().await;
    let world = World::on(store, shifty("trap-late")).await;
    fault(world.add("26", "Tally/a", 1).await);
    let bundle = world.bundle().await;
    assert_eq!(shape(&bundle), (25, 0, 25, None, "combine"));
    let mut told = Vec::new();
    let shortened = shorten(&rerun(&bundle, &world.component), 1_000, |run, left| told.push((run, left))).unwrap();
    assert_eq!((shortened.bundle.events.len(), shortened.minimal), (10, true));
    assert_eq!(shortened.bundle.shortened_from, Some(25));
    assert_eq!(told.last(), Some(&(shortened.runs, 10)));
    let read = Bundle::parse(&shortened.bundle.to_json()).unwrap();
    assert_eq!(read, shortened.bundle);
    assert!(rerun(&read, &world.component).runs()[0].reproduced);
    // What cannot be shortened any more stays as it is.
    let twice = shorten(&rerun(&read, &world.component), 1_000, |_, _| ()).unwrap();
    assert_eq!(twice.bundle, read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shortening_ends_at_its_limit_and_does_nothing_without_a_fault() {
    let (world, bundle) = late().await;
    let shortened = shorten(&rerun(&bundle, &world.component), 3, |_, _| ()).unwrap();
    assert_eq!((shortened.runs, shortened.minimal, shortened.bundle.events.len()), (3, false, 9));
    assert_eq!(shorten(&rerun(&bundle, &shifty("good")), 1_000, |_, _| ()), None);
}

/// A trap on the command alone takes no event at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_the_command_alone_takes_no_events() {
    let world = World::shifty("trap-on-13").await;
    world.fill("Tally/a", 7).await;
    fault(world.add("unlucky", "Tally/a", 13).await);
    let bundle = world.bundle().await;
    let shortened = shorten(&rerun(&bundle, &world.component), 1_000, |_, _| ()).unwrap();
    assert_eq!((shortened.bundle.events.len(), shortened.runs), (0, 1));
    assert_eq!((&shortened.bundle.snapshot, &shortened.bundle.command), (&None, &bundle.command));
}
