//! Guests that do what they should not: each gets its fault, and nobody else notices.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod commands;
mod crowds;
mod hydration;
mod neighbours;
mod rogue;
mod sandboxes;

use std::sync::{Arc, OnceLock};

use cantus_engine::{Engine, EngineSettings, FixedClock};
use cantus_model::{
    AggregateRef, Answer, CommandError, Fault, Outcome,
    ports::{Component, Store},
};
use cantus_store::SqliteStore;
use cantus_tests::{guests, host};
use tempfile::TempDir;

/// An engine on a store on disk.
struct World {
    engine: Engine,
    store: Arc<dyn Store>,
    _folder: TempDir,
}

impl World {
    async fn hostile() -> Self {
        Self::with(host::settings()).await
    }

    async fn with(settings: EngineSettings) -> Self {
        static COMPONENT: OnceLock<Arc<dyn Component>> = OnceLock::new();
        let component = COMPONENT.get_or_init(|| host::load(guests::HOSTILE, &host::limits()));
        Self::start(Arc::clone(component), settings).await
    }

    async fn rogue() -> Self {
        static COMPONENT: OnceLock<Arc<dyn Component>> = OnceLock::new();
        let component = COMPONENT.get_or_init(|| host::load(guests::ROGUE, &host::limits()));
        Self::start(Arc::clone(component), host::settings()).await
    }

    async fn start(component: Arc<dyn Component>, settings: EngineSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("cantus.db").display());
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&url).await.unwrap());
        let engine = host::start_with(settings, Arc::clone(&store), component, Arc::new(FixedClock(host::NOW))).await;
        Self { engine, store, _folder: folder }
    }

    /// Waits for the answer; the id is `NAME of AGGREGATE` and what makes it unique.
    async fn ask(&self, id: &str, aggregate: &str, name: &str, payload: &str) -> Answer {
        self.engine.execute(host::command(id, aggregate, name, payload)).await
    }

    /// The fault of the guest at this command. Checks that nothing was recorded.
    async fn fault(&self, id: &str, aggregate: &str, name: &str, payload: &str) -> Fault {
        let answer = self.ask(id, aggregate, name, payload).await;
        let Err(CommandError::Fault(fault)) = answer else { panic!("{id}: {answer:?}") };
        assert_eq!(self.store.command(id).await.unwrap(), None, "{id} is recorded");
        *fault
    }

    async fn version(&self, aggregate: &str) -> u64 {
        let (aggregate_type, id) = aggregate.split_once('/').unwrap();
        self.store.stream_head(&AggregateRef::new(aggregate_type, id)).await.unwrap().version
    }
}

/// The stream version after an accepted command.
fn accepted(answer: Answer) -> u64 {
    let decided = answer.unwrap();
    assert!(matches!(decided.outcome, Outcome::Accepted { .. }), "{decided:?}");
    decided.version
}

/// As a person reads it, and who is to blame.
fn shown(fault: &Fault) -> String {
    let top: Vec<&str> = fault.backtrace.iter().map(String::as_str).filter(|name| name.contains("hostile")).collect();
    let top = top.first().map_or(String::new(), |name| format!(" in {name}"));
    format!("{:?}: {fault}{top}", fault.kind)
}

/// Compares with the stored snapshot. A line of a guest's source may move.
macro_rules! assert_faults {
    ($faults:expr) => {
        insta::with_settings!({ filters => vec![(r"src/lib.rs:\d+:\d+", "src/lib.rs")] }, {
            insta::assert_snapshot!($faults.join("\n"));
        })
    };
}

use assert_faults;
