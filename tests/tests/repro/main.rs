//! Bundles of what guests fault on: kept by the engine, run again, shortened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod capture;
mod rerun;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use cantus_engine::{
    Engine, EngineParts, EngineSettings, FixedClock, Ownership,
    repro::{self, ReproConfig, ReproSink},
};
use cantus_model::{AggregateRef, Answer, CommandError, Fault, LiveComponent, ports::Component};
use cantus_replay::repro::Bundle;
use cantus_tests::{
    faulty::{FaultyStore, faulty},
    guests, host,
};

/// Keeps every bundle that was ever written, in order.
#[derive(Default)]
struct Shelf {
    written: Mutex<Vec<(String, Vec<u8>)>>,
    /// Held by a test: nothing is written meanwhile.
    gate: Mutex<()>,
    /// Results of the next bundles; without one, a bundle is stored and none is removed.
    answers: Mutex<VecDeque<Result<Vec<String>, String>>>,
}

impl ReproSink for Shelf {
    fn location(&self, name: &str) -> String {
        format!("shelf/{name}")
    }

    fn store(&self, name: &str, bundle: &[u8]) -> Result<Vec<String>, String> {
        let _open = self.gate.lock().unwrap();
        let gone = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(vec![]))?;
        self.written.lock().unwrap().push((name.to_owned(), bundle.to_vec()));
        Ok(gone)
    }
}

/// A host that keeps bundles.
struct World {
    store: Arc<FaultyStore>,
    engine: Engine,
    shelf: Arc<Shelf>,
    component: Arc<dyn Component>,
}

impl World {
    /// On a component of `guests/shifty`.
    async fn shifty(mode: &str) -> Self {
        Self::on(faulty(), shifty(mode)).await
    }

    async fn on(store: Arc<FaultyStore>, component: Arc<dyn Component>) -> Self {
        Self::with(store, component, host::settings(), repro::ReproSettings::default()).await
    }

    async fn with(
        store: Arc<FaultyStore>,
        component: Arc<dyn Component>,
        settings: EngineSettings,
        kept: repro::ReproSettings,
    ) -> Self {
        let shelf = Arc::<Shelf>::default();
        let keep = ReproConfig { settings: kept, sink: shelf.clone() };
        let live = [LiveComponent::new(Arc::clone(&component))];
        let clock = Arc::new(FixedClock(host::NOW));
        let ownership = Ownership::claim(store.clone(), &*store).await.unwrap();
        let (hydrator, live, repro) = (store.clone(), &live[..], Some(keep));
        let engine = Engine::start(EngineParts { settings, ownership, hydrator, live, clock, repro }).unwrap();
        Self { store, engine, shelf, component }
    }

    async fn ask(&self, id: &str, aggregate: &str, name: &str, payload: &str) -> Answer {
        self.engine.execute(host::command(id, aggregate, name, payload)).await
    }

    async fn add(&self, id: &str, aggregate: &str, amount: u64) -> Answer {
        self.ask(id, aggregate, "Add", &format!(r#"{{"amount":{amount}}}"#)).await
    }

    /// Asks for it, which faults, until so many bundles were written. Returns their names.
    async fn fault_until(&self, count: usize, name: &str, payload: &str) -> Vec<String> {
        for n in 0..10_000 {
            fault(self.ask(&format!("{name} {count} {n}"), "Tally/a", name, payload).await);
            let written = self.shelf.written.lock().unwrap();
            if written.len() == count {
                return written.iter().map(|(name, _)| name.clone()).collect();
            }
        }
        panic!("{count} bundles were never written");
    }

    /// Adds 1 until the stream has so many events.
    async fn fill(&self, aggregate: &str, upto: u64) {
        for version in 1..=upto {
            let decided = self.add(&format!("{aggregate} {version}"), aggregate, 1).await.unwrap();
            assert_eq!(decided.version, version);
        }
    }

    /// Ends the host. All bundles are written then.
    async fn bundles(&self) -> Vec<Bundle> {
        self.engine.shutdown().await;
        let written = self.shelf.written.lock().unwrap();
        written.iter().map(|(_, file)| Bundle::parse(file).unwrap()).collect()
    }

    async fn bundle(&self) -> Bundle {
        let mut bundles = self.bundles().await;
        assert_eq!(bundles.len(), 1, "{bundles:#?}");
        bundles.remove(0)
    }
}

fn shifty(mode: &str) -> Arc<dyn Component> {
    host::runtime(&host::limits()).load(&guests::shifty("shifty", "1.0.0", mode)).unwrap()
}

fn fault(answer: Answer) -> Fault {
    let Err(CommandError::Fault(fault)) = answer else { panic!("{answer:?}") };
    *fault
}

/// A bundle in short: version, where its events begin, their count, the version of its snapshot, the call.
fn shape(bundle: &Bundle) -> (u64, u64, usize, Option<u64>, &str) {
    let snapshot = bundle.snapshot.as_ref().map(|snapshot| snapshot.version);
    (bundle.version, bundle.after, bundle.events.len(), snapshot, &bundle.fault.call)
}

fn aggregate(id: &str) -> AggregateRef {
    AggregateRef::new("Tally", id)
}
