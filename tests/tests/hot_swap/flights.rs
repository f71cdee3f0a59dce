//! A day of real flights on 1.0, and what the next releases would have decided: the counts that the README of the example
//! gives, which its own tests find without any of this.

use std::{path::Path, sync::Arc};

use cantus_engine::{
    EngineSettings, FixedClock,
    registry::{FileState, RegistryNotice},
};
use cantus_model::{ActivationCause, AggregateRef, Command};
use cantus_replay::replay::DecisionChange;
use cantus_tests::{
    guests,
    host::{self, NOW},
};

use super::{fixture::Fixture, load};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flights/data/flights-2013-01-01.csv");

fn day() -> Vec<Command> {
    let timeline = flights::feed::open(Path::new(DAY)).unwrap();
    let command = |line: flights::feed::CommandLine| Command {
        version: Some(line.version),
        actor: Some(line.actor),
        aggregate: AggregateRef::new(line.aggregate, line.aggregate_id),
        ..host::command(&line.id, "Flight/x", line.command, line.payload.get())
    };
    timeline.commands().map(|line| command(line.unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_rule_is_reported_and_a_late_trap_is_refused() {
    let mut fixture = Fixture::new();
    fixture.verify.commands = 10_000;
    let first = guests::read(guests::FLIGHTS);
    let engine = host::start_with(
        EngineSettings { queue_commands: 10_000, ..fixture.engine.clone() },
        Arc::clone(&fixture.store),
        load(&first),
        Arc::new(FixedClock(NOW)),
    );
    let engine = engine.await;
    let pending: Vec<_> = day().into_iter().map(|command| engine.submit(command).unwrap()).collect();
    for pending in pending {
        pending.await.unwrap();
    }
    engine.shutdown().await;

    fixture.put("flights.wasm", &first);
    let host = fixture.open().await;
    let second = fixture.put("flights.wasm", &guests::read(guests::FLIGHTS_1_1));
    host.changed(ActivationCause::Dropped, Some(second)).await;
    let third = fixture.put("flights.wasm", &guests::read(guests::FLIGHTS_1_2));
    host.refused("flights.wasm", third).await;
    let mut differences = vec![];
    let notices = host.notices.borrow().clone();
    for notice in &notices {
        let (RegistryNotice::Changed { report, .. } | RegistryNotice::Refused { report, .. }) = notice else {
            panic!("{notice:?}")
        };
        let findings = &report.as_ref().unwrap().findings;
        differences.push(
            findings.groups.iter().map(|group| (group.change, group.command.as_str(), group.count)).collect::<Vec<_>>(),
        );
    }
    let rule = [
        (DecisionChange::EventsDiffer, "Arrive v1", 66),
        (DecisionChange::EventsDiffer, "Depart v1", 40),
        (DecisionChange::AcceptedToRejected, "Depart v1", 8),
    ];
    assert_eq!(differences[..2], [vec![], rule.to_vec()]);
    // It decides as what is live by now; the trap is in folding an arrival.
    assert_eq!(differences[2], []);
    let status = host.file("flights.wasm", FileState::Refused).await;
    assert!(status.reason.as_ref().unwrap().contains("cannot fold the recorded events: flights@1.2.0"), "{status:?}");
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"]);
}
