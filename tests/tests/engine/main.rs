//! Promises of the engine, on the memory store with failures to come.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admission;
mod conflicts;
mod durable_head;
mod failures;
mod identity;
mod memory;
mod poison;
mod silence;
mod snapshots;
mod stopping;
mod time;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use cantus_engine::{Clock, Engine, EngineSettings, FixedClock, PendingAnswer};
use cantus_model::{
    Answer, Command, DurableOutcome, EventQuery, Outcome,
    ports::{Component, EventReader},
};
use cantus_tests::{
    faulty::{FaultyStore, faulty},
    host,
};

/// The guest at a path, loaded once for all tests.
fn component(path: &'static str) -> Arc<dyn Component> {
    static LOADED: LazyLock<Mutex<BTreeMap<&str, Arc<dyn Component>>>> = LazyLock::new(Mutex::default);
    let mut loaded = LOADED.lock().unwrap();
    Arc::clone(loaded.entry(path).or_insert_with(|| host::load(path, &host::limits())))
}

struct World {
    store: Arc<FaultyStore>,
    engine: Engine,
}

impl World {
    async fn of(path: &'static str) -> Self {
        Self::on(faulty(), path, host::settings()).await
    }

    async fn on(store: Arc<FaultyStore>, path: &'static str, settings: EngineSettings) -> Self {
        Self::at(store, path, settings, Arc::new(FixedClock(host::NOW))).await
    }

    async fn at(store: Arc<FaultyStore>, path: &'static str, settings: EngineSettings, clock: Arc<dyn Clock>) -> Self {
        let engine = host::start_with(settings, store.clone(), component(path), clock).await;
        Self { store, engine }
    }

    async fn ask(&self, command: Command) -> Answer {
        self.engine.execute(command).await
    }

    fn submit(&self, command: Command) -> PendingAnswer {
        self.engine.submit(command).unwrap()
    }

    /// The log as `COMMAND PAYLOAD` lines.
    async fn log(&self) -> Vec<String> {
        let events = self.store.read_events(&EventQuery { limit: 10_000, ..Default::default() }).await.unwrap();
        let line = |event: &cantus_model::RecordedEvent| {
            format!("{} {}", event.command_id, String::from_utf8_lossy(&event.event.payload))
        };
        events.iter().map(line).collect()
    }
}

/// To the counter `c`.
fn increment(id: &str) -> Command {
    host::command(id, "Counter/c", "Increment", "{}")
}

fn decrement(id: &str) -> Command {
    host::command(id, "Counter/c", "Decrement", "{}")
}

/// The stream version after a command that was accepted now.
fn accepted(answer: Answer) -> u64 {
    let decided = answer.unwrap();
    assert!(matches!(decided.outcome, Outcome::Accepted { .. }) && !decided.duplicate, "{decided:?}");
    decided.version
}

fn duplicate(answer: Answer) -> DurableOutcome {
    let decided = answer.unwrap();
    assert!(decided.duplicate, "{decided:?}");
    decided
}

fn rejected(answer: Answer) -> String {
    match answer.unwrap().outcome {
        Outcome::Rejected(rejection) => rejection.code,
        outcome => panic!("{outcome:?}"),
    }
}

/// Why it was not decided: the code, and what a person reads.
fn refused(answer: Answer) -> String {
    let error = answer.unwrap_err();
    format!("{}: {error}", error.code())
}
