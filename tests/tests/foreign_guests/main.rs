//! Guests in JavaScript and Python, built by `componentize-js` and `componentize-py` without flags, under the default limits.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod decisions;
mod exceptions;
mod randomness;
mod replay;
mod sandboxes;
mod stubs;
mod swap;
mod toolchain;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use cantus_engine::{Engine, FixedClock};
use cantus_model::{
    Answer, CommandError, Fault, Outcome,
    ports::{Component, Store},
};
use cantus_store::MemoryStore;
use cantus_tests::host;
use cantus_wasm::{Limits, Runtime};

/// A guest in two versions: the second takes half as much.
struct Guest {
    versions: [Arc<dyn Component>; 2],
    aggregate: &'static str,
    /// The command that adds an amount.
    add: &'static str,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| runtime(Limits::default()));

static JAVASCRIPT: LazyLock<Guest> =
    LazyLock::new(|| Guest { versions: loaded(&toolchain::TALLY), aggregate: "Tally", add: "Add" });

static PYTHON: LazyLock<Guest> =
    LazyLock::new(|| Guest { versions: loaded(&toolchain::LEDGER), aggregate: "Ledger", add: "Post" });

/// A runtime whose compiled code outlives the test.
fn runtime(limits: Limits) -> Runtime {
    let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign_guests/compiled");
    // An entry has 40 MB.
    Runtime::new(&Limits { compiled_entries: 8, ..limits }, Some(&compiled)).unwrap()
}

fn loaded(files: &[PathBuf; 2]) -> [Arc<dyn Component>; 2] {
    files.each_ref().map(|file| RUNTIME.load(&bytes(file)).unwrap())
}

fn bytes(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap()
}

/// An engine with the first version of a guest, on a store in memory.
struct World {
    guest: &'static Guest,
    store: Arc<dyn Store>,
    engine: Engine,
}

impl World {
    async fn of(guest: &'static Guest) -> Self {
        Self::on(guest, Arc::new(MemoryStore::default())).await
    }

    async fn on(guest: &'static Guest, store: Arc<dyn Store>) -> Self {
        let [first, _] = &guest.versions;
        let clock = Arc::new(FixedClock(host::NOW));
        let engine = host::start_with(host::settings(), Arc::clone(&store), Arc::clone(first), clock).await;
        Self { guest, store, engine }
    }

    /// Adds to one of the aggregates, and returns the version of its stream, or the code of a rejection.
    async fn add(&self, id: &str, aggregate: &str, amount: u64) -> Result<u64, String> {
        match self.ask(id, aggregate, self.guest.add, &format!(r#"{{"amount":{amount}}}"#)).await {
            Ok(decided) => match decided.outcome {
                Outcome::Accepted { .. } => Ok(decided.version),
                Outcome::Rejected(rejection) => Err(rejection.code),
            },
            Err(error) => panic!("{id}: {error}"),
        }
    }

    async fn ask(&self, id: &str, aggregate: &str, name: &str, payload: &str) -> Answer {
        let aggregate = format!("{}/{aggregate}", self.guest.aggregate);
        self.engine.execute(host::command(id, &aggregate, name, payload)).await
    }

    /// A command without arguments that faults.
    async fn fault(&self, name: &str) -> Fault {
        let answer = self.ask(name, "a", name, "{}").await;
        let Err(CommandError::Fault(fault)) = answer else { panic!("{name}: {answer:?}") };
        assert_eq!(self.store.command(name).await.unwrap(), None, "{name} is recorded");
        *fault
    }
}
