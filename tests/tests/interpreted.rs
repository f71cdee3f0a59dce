//! Two machines, one result: cranelift's code and Pulley's interpreter decide and fold alike, for the same fuel.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use cantus_model::{
    Context, Message, Timestamp,
    ports::{Component, HandleError, HashSeed},
};
use cantus_tests::{guests, host};
use cantus_wasm::{Limits, Runtime};

fn context(n: usize) -> Context {
    Context {
        command_id: format!("c-{n}"),
        now: Timestamp(1_357_000_000_000_000 + n as u64),
        seed: n as u64,
        correlation_id: "c".into(),
        causation_id: None,
        actor: None,
        metadata: vec![],
    }
}

fn command(name: &str, payload: &str) -> Message {
    Message { name: name.into(), version: 1, payload: payload.into() }
}

/// The component on both.
fn both(guest: &str) -> [Arc<dyn Component>; 2] {
    let bytes = guests::read(guest);
    let limits = Limits { fuel_per_call: 20_000_000, ..host::limits() };
    let runtimes = [Runtime::new(&limits, None), Runtime::interpreted(&limits)];
    runtimes.map(|runtime| runtime.unwrap().load(&bytes).unwrap())
}

/// Lists the verdicts of one aggregate, its state and fuel after each command, and the fault that ended it.
fn run(component: &dyn Component, aggregate: &str, commands: &[Message], seed: HashSeed) -> Vec<String> {
    let mut sandbox = component.open_aggregates(seed).unwrap();
    let instance = sandbox.restore(aggregate, "one", None).unwrap();
    let mut told = vec![format!("{} fuel", sandbox.fuel_used())];
    for (n, command) in commands.iter().enumerate() {
        match sandbox.handle(instance, command, &context(n)) {
            Ok(verdict) => {
                sandbox.combine(instance, &verdict.events().iter().collect()).unwrap();
                let state = String::from_utf8_lossy(&sandbox.snapshot(instance).unwrap()).into_owned();
                told.push(format!("{verdict:?} {state} {} fuel", sandbox.fuel_used()));
            }
            Err(HandleError::Malformed(why)) => told.push(format!("{why} {} fuel", sandbox.fuel_used())),
            Err(HandleError::Fault(fault)) => {
                told.push(format!("{:?} {} {} fuel", fault.kind, fault.message, sandbox.fuel_used()));
                if sandbox.is_poisoned() {
                    break;
                }
            }
        }
    }
    told
}

#[test]
fn both_decide_alike_for_the_same_fuel() {
    let counting =
        ["Increment", "Increment", "Decrement", "Reset", "Nope", "Increment"].map(|name| command(name, "{}"));
    let banking = [
        command("OpenAccount", r#"{"owner":"Ada","overdraft":50}"#),
        command("Deposit", r#"{"amount":9000000000000000,"reference":"gr\u00fc\u00dfe"}"#),
        command("Withdraw", r#"{"amount":70}"#),
        command("Withdraw", r#"{"amount":18446744073709551615}"#),
        command("Withdraw", "nonsense"),
        command("CloseAccount", "{}"),
    ];
    for (guest, aggregate, commands) in
        [(guests::COUNTER, "Counter", counting.as_slice()), (guests::BANK, "Account", &banking)]
    {
        let [native, interpreted] = both(guest);
        assert_eq!(native.manifest(), interpreted.manifest());
        let told = run(&*native, aggregate, commands, HashSeed::default());
        assert_eq!(told.len(), commands.len() + 1);
        assert_eq!(told, run(&*interpreted, aggregate, commands, HashSeed::default()));
    }
}

/// Faults have other causes inside, and are told alike.
#[test]
fn both_fault_alike() {
    let [native, interpreted] = both(guests::HOSTILE);
    for how in ["Loop", "Allocate", "Panic", "LargeEvent", "Sleep", "Exit"] {
        let commands =
            [command("Climb", r#"{"by":1}"#), command("Misbehave", &format!(r#"{{"how":"{how}","size":5000000}}"#))];
        let told = run(&*native, "Climber", &commands, HashSeed::default());
        assert_eq!(told, run(&*interpreted, "Climber", &commands, HashSeed::default()), "{how}");
        assert!(told.last().unwrap().contains("fuel"), "{told:?}");
    }
    // How deep a stack goes is a matter of the machine: that it ends is not.
    let recurse = [command("Misbehave", r#"{"how":"Recurse"}"#)];
    for component in [native, interpreted] {
        let told = run(&*component, "Climber", &recurse, HashSeed::default());
        assert!(told[1].starts_with("StackOverflow"), "{told:?}");
    }
}

/// The interpreter has no guard pages around a memory, and stays inside all the same.
#[test]
fn neither_reaches_out_of_its_memory() {
    let text = wasmprinter::print_bytes(guests::read(guests::ROGUE)).unwrap();
    let odd = Limits { memory_bytes: 3_000_001, ..host::limits() };
    for access in [
        "drop (i32.load8_u (i32.const -1))",
        "i32.store8 (i32.const 0x1000000) (i32.const 1)",
        "drop (i32.load8_u (i32.mul (memory.size) (i32.const 0x10000)))",
    ] {
        let start = format!("(func $start ({access})) (start $start) (data ");
        let bytes = wat::parse_str(text.replacen("(data ", &start, 1)).unwrap();
        for runtime in [Runtime::new(&odd, None), Runtime::interpreted(&odd)] {
            let why = runtime.unwrap().load(&bytes).err().expect("it got away with it").to_string();
            assert!(why.ends_with("faulted in instantiate: wasm trap: out of bounds memory access"), "{why}");
        }
    }
}

/// The order of a hash map follows the seed that the sandbox was opened with, and nothing else.
#[test]
fn the_hash_seed_is_the_sandboxes() {
    let [native, interpreted] = both(guests::MOODY);
    let commands = [command("CountWords", r#"{"text":"a bird in the hand is worth two in the bush"}"#)];
    let told = |component: &dyn Component, seed| run(component, "Diary", &commands, seed);
    let usual = told(&*native, HashSeed::default());
    let other = told(&*native, HashSeed(1, 2));
    assert_ne!(usual, other);
    assert_eq!(told(&*native, HashSeed::default()), usual);
    assert_eq!(told(&*native, HashSeed(1, 2)), other);
    assert_eq!(told(&*interpreted, HashSeed(1, 2)), other);
}

/// Fuel counts calls, not what the sandbox was opened for, and a call that ran out has used all of it.
#[test]
fn fuel_is_counted() {
    let limits = host::limits();
    let component = host::load(guests::HOSTILE, &limits);
    let mut sandbox = component.open_aggregates(HashSeed::default()).unwrap();
    assert_eq!(sandbox.fuel_used(), 0);
    let instance = sandbox.restore("Climber", "one", None).unwrap();
    let restored = sandbox.fuel_used();
    assert!(restored > 0);
    let state = sandbox.snapshot(instance).unwrap();
    let first = sandbox.fuel_used() - restored;
    assert_eq!(sandbox.snapshot(instance).unwrap(), state);
    assert_eq!(sandbox.fuel_used(), restored + 2 * first, "the same work costs the same");
    let before = sandbox.fuel_used();
    sandbox.handle(instance, &command("Misbehave", r#"{"how":"Loop"}"#), &context(0)).unwrap_err();
    assert_eq!(sandbox.fuel_used(), before + limits.fuel_per_call);
    sandbox.snapshot(instance).unwrap_err();
    assert_eq!(sandbox.fuel_used(), before + limits.fuel_per_call, "a poisoned sandbox runs nothing");
}
