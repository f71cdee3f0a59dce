//! Guests in JavaScript and Python, built by `componentize-js` and `componentize-py` without flags, under default limits.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod toolchain;

use cantus_model::{Context, Message, Timestamp, ports::{HashSeed, Reply}};
use std::time::Instant;

#[test]
fn try_it() {
    let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign_guests/compiled");
    let runtime = cantus_wasm::Runtime::new(&cantus_wasm::Limits::default(), Some(&cache)).unwrap();
    for (path, aggregate, commands) in [(&toolchain::TALLY[0], "Tally", &["Add", "AddFromSeed", "AddRandom", "AddRandom", "AddCryptoRandom", "AddNow", "Throw", "Fetch", "Wait", "Nope"][..]),
       (&toolchain::LEDGER[0], "Ledger", &["Post", "PostFromSeed", "PostRandom", "PostRandom", "PostSystemRandom", "PostNow", "Raise", "ReadFile", "Connect", "Fetch", "Sleep", "Nope"])] {
        println!("=== {}", path.display());
        let start = Instant::now();
        let component = match runtime.load(&std::fs::read(path).unwrap()) { Ok(c) => c, Err(error) => { println!("{error}"); continue } };
        println!("load {:?}", start.elapsed());
        let start = Instant::now();
        let mut sandbox = component.open(HashSeed::default()).unwrap();
        println!("open {:?} {} MB", start.elapsed(), sandbox.memory_bytes() >> 20);
        for name in commands {
            if sandbox.is_poisoned() { sandbox = component.open(HashSeed::default()).unwrap(); }
            let before = sandbox.fuel_used();
            let instance = sandbox.restore(aggregate, "one", None).unwrap();
            let restored = sandbox.fuel_used() - before;
            let context = Context { command_id: "c".into(), now: Timestamp(1_357_000_000_000_000), seed: 123456789, correlation_id: "c".into(), causation_id: None, actor: None, metadata: vec![] };
            let start = Instant::now();
            let reply = sandbox.handle(instance, &Message { name: (*name).into(), version: 1, payload: br#"{"amount":7}"#.to_vec() }, &context);
            println!("{name}: {:?} fuel {} + {restored}", start.elapsed(), sandbox.fuel_used() - before - restored);
            match reply {
                Ok(Reply::Events(events)) => { println!("  {events:?}");  sandbox.combine(instance, &events.iter().collect()).unwrap(); println!("  {}", String::from_utf8_lossy(&sandbox.snapshot(instance).unwrap())); }
                Ok(reply) => println!("  {reply:?}"),
                Err(fault) => println!("  {:?} {fault}\n  {:?}", fault.kind, fault.backtrace),
            }
        }
    }
}
