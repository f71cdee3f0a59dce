//! Components of other versions of the contract: `fixtures/` has one of each older version.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use cantus_model::{
    Context, EventBatch, Message, PluginKind, Timestamp, Verdict,
    ports::{Component, HashSeed},
};
use cantus_tests::{guests, host};

/// Commands to the counter: each is accepted, accepted without events and rejected at least once.
const COMMANDS: [&str; 9] =
    ["Decrement", "Reset", "Increment", "Increment", "Decrement", "Increment", "Reset", "Reset", "Decrement"];

/// The fixture of version 0.1.0 of the contract.
fn counter_of_0_1_0() -> Vec<u8> {
    guests::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/counter-0.1.0.wasm"))
}

/// Decides the commands one after another, and returns the decisions with the snapshot at the end.
fn decide(component: &dyn Component) -> (Vec<Verdict>, String) {
    let mut sandbox = component.open_aggregates(HashSeed::default()).unwrap();
    let instance = sandbox.restore("Counter", "visitors", None).unwrap();
    let mut verdicts = Vec::new();
    for (n, name) in (1..).zip(COMMANDS) {
        let command = Message { name: name.into(), version: 1, payload: b"{}".to_vec() };
        let context = Context {
            command_id: format!("command-{n}"),
            now: Timestamp(n),
            seed: n,
            correlation_id: "test".into(),
            causation_id: None,
            actor: None,
            metadata: Vec::new(),
        };
        let verdict = sandbox.handle(instance, &command, &context).unwrap();
        if let Verdict::Accepted(events) = &verdict {
            sandbox.combine(instance, &batch(events)).unwrap();
        }
        verdicts.push(verdict);
    }
    (verdicts, String::from_utf8(sandbox.snapshot(instance).unwrap()).unwrap())
}

fn batch(events: &[Message]) -> EventBatch {
    let mut batch = EventBatch::default();
    for event in events {
        batch.push(&event.name, event.version, &event.payload);
    }
    batch
}

#[test]
fn a_component_of_contract_0_1_0_decides_as_today() {
    let runtime = host::runtime(&host::limits());
    let old = runtime.load(&counter_of_0_1_0()).unwrap();
    let new = runtime.load(&guests::read(guests::COUNTER)).unwrap();
    assert_eq!(old.manifest().kinds().collect::<Vec<_>>(), [PluginKind::Aggregate]);
    assert_eq!(old.manifest(), new.manifest());
    let (verdicts, snapshot) = decide(&*old);
    assert_eq!((verdicts.clone(), snapshot.clone()), decide(&*new));
    assert_eq!(snapshot, r#"{"value":0}"#);
    let rejected = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Rejected(_))).count();
    assert_eq!((verdicts.len(), rejected), (9, 2));
}

#[test]
fn a_component_of_a_later_patch_version_decides_as_today() {
    let runtime = host::runtime(&host::limits());
    let text = wasmprinter::print_bytes(guests::read(guests::COUNTER)).unwrap();
    let later = text.replace("@0.1.0", "@0.1.9");
    assert_ne!(later, text);
    let later = runtime.load(&wat::parse_str(later).unwrap()).unwrap();
    let today = runtime.load(&guests::read(guests::COUNTER)).unwrap();
    assert_eq!(decide(&*later), decide(&*today));
}
