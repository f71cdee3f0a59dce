//! Streams that no longer fold: written by an older component, say.

use cantus_model::PartitionId;
use cantus_model::{
    AggregateRef, Context, Decision, Digest, Entry, EntryResult, FaultKind, Message, Verdict, ports::Claim,
};
use cantus_tests::host;

use super::{World, accepted, shown};

const CLIMB: &str = r#"{"by": 1}"#;

/// Appends events past the guest.
pub(crate) async fn append(world: &World, aggregate: &AggregateRef, events: Vec<(&str, u32, &str)>) {
    let id = format!("append to {aggregate}");
    let message =
        |(name, version, payload): (&str, u32, &str)| Message { name: name.into(), version, payload: payload.into() };
    let context = Context {
        command_id: id.clone(),
        now: host::NOW,
        seed: 0,
        correlation_id: id.clone(),
        causation_id: None,
        actor: None,
        metadata: vec![],
    };
    let decision = Decision {
        base_version: 0,
        command: message(("Import", 1, "{}")),
        context,
        verdict: Verdict::Accepted(events.into_iter().map(message).collect()),
        component: Digest::of(b"an older component"),
    };
    let hash = Digest::of(id.as_bytes());
    let entry = Entry { command_id: id, request_hash: hash, aggregate: aggregate.clone(), decision: Some(decision) };
    let committed = world.store.commit(Claim { partition: PartitionId::FIRST, epoch: 1 }, &[entry]).await.unwrap();
    assert!(matches!(committed[..], [EntryResult::Committed { .. }]), "{committed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregate_that_cannot_be_hydrated_disturbs_nobody() {
    let world = World::hostile().await;
    let late = |size: usize| vec![("Climbed", 1, r#"{"by": 1, "note": ""}"#); size];
    let broken = [
        ("upcaster panics", vec![("Fallen", 1, "{}")]),
        ("event unknown", vec![("Climbed", 9, "{}")]),
        ("event of another aggregate", vec![("Sunk", 1, "{}")]),
        ("event garbage", vec![("Climbed", 1, r#"{"by": "#)]),
        ("event not text", vec![("Climbed", 1, "{}\u{0}")]),
        ("the 256th event", late(256)),
    ];
    let mut faults = Vec::new();
    for (round, (id, events)) in broken.into_iter().enumerate() {
        let aggregate = AggregateRef::new("Climber", id);
        append(&world, &aggregate, events).await;
        let submit = |command_id: String, id: &str| {
            world.engine.submit(host::command(&command_id, &format!("Climber/{id}"), "Climb", CLIMB)).unwrap()
        };
        let bad: Vec<_> = (0..3).map(|n| submit(format!("{id} {n}"), id)).collect();
        let good: Vec<_> = (0..20).map(|n| submit(format!("{round} {n}"), &n.to_string())).collect();
        for pending in good {
            assert_eq!(accepted(pending.await), round as u64 + 1);
        }
        for pending in bad {
            let answer = pending.await;
            let Err(cantus_model::CommandError::Fault(fault)) = answer else { panic!("{answer:?}") };
            faults.push(format!("{id}: {}", shown(&fault)));
        }
        world.fault(&format!("{id} again"), &aggregate.to_string(), "Climb", CLIMB).await;
    }
    faults.dedup();
    super::assert_faults!(faults);
    world.engine.shutdown().await;
}

/// One stream reaches what no other does: the guest overflows on its 256th metre, and only there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_late_event_of_one_stream_faults() {
    let world = World::hostile().await;
    for n in 0..4 {
        for id in ["high", "low"] {
            let by = if id == "high" { 80 } else { 1 };
            let (command, payload) = (format!("{id}-{n}"), format!(r#"{{"by": {by}}}"#));
            let answer = world.ask(&command, &format!("Climber/{id}"), "Climb", &payload).await;
            match (id, n, answer) {
                ("high", 3, Err(cantus_model::CommandError::Fault(fault))) => {
                    assert_eq!((fault.kind, fault.call), (FaultKind::Trap, "combine"));
                    assert!(fault.message.contains("higher than the mountain"), "{fault}");
                }
                (_, _, answer) => assert_eq!(accepted(answer), n + 1),
            }
        }
    }
    assert_eq!(accepted(world.ask("high-4", "Climber/high", "Climb", r#"{"by": 15}"#).await), 4);
    assert_eq!(accepted(world.ask("low-4", "Climber/low", "Climb", CLIMB).await), 5);
    world.engine.shutdown().await;
}
