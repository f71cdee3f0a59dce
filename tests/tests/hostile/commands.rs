//! One hostile command after another.

use super::{World, accepted, shown};

fn misbehave(how: &str, size: usize) -> String {
    format!(r#"{{"how": "{how}", "size": {size}}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_its_fault_and_the_aggregate_goes_on() {
    let world = World::hostile().await;
    let mut faults = Vec::new();
    for (how, size) in [
        ("Loop", 0),
        ("Allocate", 0),
        ("Recurse", 0),
        ("Panic", 0),
        ("LargeEvent", 2 << 20),
        ("LargeEvent", 5 << 20),
        ("LargeRejection", 2 << 20),
        ("ManyEvents", 101),
        ("ManyEvents", 100_000),
        ("RejectWithoutCode", 0),
        ("Sleep", 0),
        ("Exit", 0),
        ("PrintAndPanic", 1 << 20),
        ("Fall", 0),
        ("ReadFile", 0),
        ("WriteFile", 0),
        ("Connect", 0),
        ("Resolve", 0),
    ] {
        let aggregate = format!("Climber/{how}-{size}");
        assert_eq!(accepted(world.ask(&format!("before {aggregate}"), &aggregate, "Climb", r#"{"by": 1}"#).await), 1);
        let fault = world.fault(&aggregate, &aggregate, "Misbehave", &misbehave(how, size)).await;
        faults.push(format!("{how} {size}\n  {}", shown(&fault).replace('\n', "\n    ")));
        assert!(fault.message.len() < 1_000, "{how}: {}", fault.message);
        assert_eq!(world.version(&aggregate).await, 1, "{how} left events");
        let again = world.fault(&aggregate, &aggregate, "Misbehave", &misbehave(how, size)).await;
        assert_eq!((again.kind, &again.message), (fault.kind, &fault.message), "the second time");
        for version in 2..5 {
            let id = format!("after {aggregate} {version}");
            assert_eq!(accepted(world.ask(&id, &aggregate, "Climb", r#"{"by": 1}"#).await), version);
        }
    }
    super::assert_faults!(faults);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_large_but_within_bounds_is_taken() {
    let world = World::hostile().await;
    for (version, (how, size)) in [("LargeEvent", 1_000_000), ("Print", 2 << 20)].into_iter().enumerate() {
        let answer = world.ask(how, "Climber/a", "Misbehave", &misbehave(how, size)).await;
        assert_eq!(accepted(answer), version as u64 + 1);
    }
    assert_eq!(accepted(world.ask("many", "Climber/a", "Misbehave", &misbehave("ManyEvents", 100)).await), 102);
    let large = world.ask("no", "Climber/a", "Misbehave", &misbehave("LargeRejection", 1_000_000)).await.unwrap();
    let cantus_model::Outcome::Rejected(rejection) = large.outcome else { panic!("{large:?}") };
    assert_eq!(rejection.message.len(), 1_000_000);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_that_a_guest_reads_is_the_context() {
    let world = World::hostile().await;
    accepted(world.ask("clock", "Climber/a", "Misbehave", &misbehave("ReadClock", 0)).await);
    let query = cantus_model::EventQuery { limit: 9, ..Default::default() };
    let events = world.store.read_events(&query).await.unwrap();
    let payload = String::from_utf8(events[0].event.payload.clone()).unwrap();
    assert_eq!(payload, format!(r#"{{"by":1,"note":"{}"}}"#, cantus_tests::host::NOW.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watchdog_stops_what_fuel_does_not() {
    let limits = cantus_wasm::Limits { fuel_per_call: u64::MAX, call_timeout_ms: 100, ..cantus_tests::host::limits() };
    let component = cantus_tests::host::load(cantus_tests::guests::HOSTILE, &limits);
    let world = World::start(component, cantus_tests::host::settings()).await;
    let fault = world.fault("loop", "Climber/a", "Misbehave", &misbehave("Loop", 0)).await;
    assert_eq!(fault.kind, cantus_model::FaultKind::TimeLimit);
    assert_eq!(fault.message, "stopped after 100 ms");
    assert_eq!(accepted(world.ask("climb", "Climber/a", "Climb", r#"{"by": 1}"#).await), 1);
}
