//! Other aggregates in flight while one misbehaves.

use std::sync::Arc;

use cantus_engine::EngineSettings;
use cantus_model::{AggregateRef, CommandError, FaultKind, PartitionId, ports::HashSeed};
use cantus_tests::{guests, host};
use cantus_wasm::Limits;

use super::{World, accepted, hydration::append};

const CLIMB: &str = r#"{"by": 1}"#;

/// In each round every neighbour climbs, and in their midst one aggregate faults.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_in_flight_all_succeed() {
    let world = World::hostile().await;
    let ways = ["Panic", "Recurse", "Exit", "Sleep", "Fall", "RejectWithoutCode", "Allocate", "Loop"];
    for (round, how) in ways.iter().enumerate() {
        let submit = |id: String, aggregate: String, name: &str, payload: &str| {
            world.engine.submit(host::command(&id, &aggregate, name, payload)).unwrap()
        };
        let climb =
            |n: usize, part: usize| submit(format!("{round}-{n}-{part}"), format!("Climber/{n}"), "Climb", CLIMB);
        let mut climbing: Vec<_> = (0..20).map(|n| climb(n, 0)).collect();
        let bad = submit(
            how.to_string(),
            format!("Climber/bad-{}", round % 3),
            "Misbehave",
            &format!(r#"{{"how": "{how}"}}"#),
        );
        climbing.extend((0..20).map(|n| climb(n, 1)));
        let good = submit(format!("good-{round}"), format!("Climber/bad-{}", round % 3), "Climb", CLIMB);
        for (n, pending) in climbing.into_iter().enumerate() {
            assert_eq!(accepted(pending.await), (round * 2 + n / 20 + 1) as u64, "round {round}, neighbour {n}");
        }
        assert!(matches!(bad.await, Err(CommandError::Fault(_))), "{how}");
        assert_eq!(accepted(good.await), round as u64 / 3 + 1, "what waited behind {how}");
    }
    world.engine.shutdown().await;
    assert_eq!(world.store.log_head(PartitionId::FIRST).await.unwrap(), 8 * 41);
}

/// Few sandboxes for very many faults: every one must be given back, and nobody be starved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_faults_leave_nothing_behind() {
    let world = World::hostile().await;
    let before = resident_bytes();
    for round in 0..10 {
        let command = |n: usize| match n % 2 {
            0 => host::command(&format!("{round}-{n}"), &format!("Climber/{n}"), "Misbehave", r#"{"how": "Panic"}"#),
            _ => host::command(&format!("{round}-{n}"), &format!("Climber/{n}"), "Climb", CLIMB),
        };
        let pending: Vec<_> = (0..40).map(|n| world.engine.submit(command(n)).unwrap()).collect();
        for (n, pending) in pending.into_iter().enumerate() {
            match (n % 2, pending.await) {
                (0, Err(CommandError::Fault(fault))) => {
                    assert_eq!(fault.kind, FaultKind::Trap, "{fault}")
                }
                (1, answer) => assert_eq!(accepted(answer), round + 1),
                (_, answer) => panic!("{answer:?}"),
            }
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 100 << 20, "200 faults left {grown} bytes behind");
    for n in 0..40 {
        let version = accepted(world.ask(&format!("last-{n}"), &format!("Climber/{n}"), "Climb", CLIMB).await);
        assert_eq!(version, if n % 2 == 0 { 1 } else { 11 });
    }
    let stats = world.engine.stats();
    assert_eq!((stats.accepted, stats.failed), (240, 200));
    world.engine.shutdown().await;
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4_096
}

/// With room for one aggregate in quarantine and long streams, hydrating one there must not keep undoing another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregates_in_quarantine_take_turns() {
    let component = host::load(guests::HOSTILE, &host::limits());
    let settings = EngineSettings { quarantine_sandboxes: 1, page_events: 1, ..host::settings() };
    let world = World::start(component, settings).await;
    for n in 0..4 {
        let aggregate = AggregateRef::new("Climber", n.to_string());
        append(&world, &aggregate, vec![("Climbed", 1, r#"{"by": 0, "note": ""}"#); 100]).await;
        world.fault(&format!("bad-{n}"), &aggregate.to_string(), "Misbehave", r#"{"how": "Panic"}"#).await;
    }
    let submit =
        |n: usize| world.engine.submit(host::command(&format!("{n}"), &format!("Climber/{n}"), "Climb", CLIMB));
    let pending: Vec<_> = (0..4).map(|n| submit(n).unwrap()).collect();
    for pending in pending {
        let answer = tokio::time::timeout(std::time::Duration::from_secs(20), pending).await;
        assert_eq!(accepted(answer.expect("they keep each other from being hydrated")), 101);
    }
    world.engine.shutdown().await;
}

/// The runtime has one sandbox to give: who was in quarantine makes room when its neighbours need it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sandbox_is_enough_for_all_in_turn() {
    let limits = Limits { sandboxes: 1, ..host::limits() };
    let component = host::load(guests::HOSTILE, &limits);
    let world = World::start(Arc::clone(&component), host::settings()).await;
    for round in 0..3 {
        let id = |what: &str| format!("{what}-{round}");
        world.fault(&id("bad"), "Climber/bad", "Misbehave", r#"{"how": "Panic"}"#).await;
        assert_eq!(accepted(world.ask(&id("good"), "Climber/bad", "Climb", CLIMB).await), round + 1);
        assert_eq!(accepted(world.ask(&id("neighbour"), "Climber/neighbour", "Climb", CLIMB).await), round + 1);
        // Shared by the neighbour now, and so never taken from it.
        let fault = world.fault(&id("alone"), "Climber/neighbour", "Misbehave", r#"{"how": "Exit"}"#).await;
        assert_eq!(fault.kind, FaultKind::RefusedCall);
    }
    world.engine.shutdown().await;

    let _taken = component.open_aggregates(HashSeed::default()).unwrap();
    let fault = component.open_aggregates(HashSeed::default()).err().expect("there was a second one");
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::Host, "all 1 sandboxes are in use: raise `wasm.sandboxes`")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_answers_what_misbehaves_too() {
    let world = World::hostile().await;
    let command = |n: usize| match n % 3 {
        0 => host::command(&format!("{n}"), &format!("Climber/{}", n % 7), "Misbehave", r#"{"how": "Panic"}"#),
        _ => host::command(&format!("{n}"), &format!("Climber/{}", n % 7), "Climb", CLIMB),
    };
    let pending: Vec<_> = (0..60).map(|n| world.engine.submit(command(n)).unwrap()).collect();
    world.engine.shutdown().await;
    for (n, pending) in pending.into_iter().enumerate() {
        match (n % 3, pending.await) {
            (0, Err(CommandError::Fault(_))) | (1 | 2, Ok(_)) => {}
            (_, answer) => panic!("{n}: {answer:?}"),
        }
    }
    let late = world.ask("late", "Climber/a", "Climb", CLIMB).await;
    assert!(matches!(late, Err(CommandError::ShuttingDown)), "{late:?}");
    assert_eq!(world.store.log_head(PartitionId::FIRST).await.unwrap(), 40);
}
