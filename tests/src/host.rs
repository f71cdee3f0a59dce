//! A host in a test: components loaded under small limits, and short words for commands.

use std::{path::Path, sync::Arc};

use cantus_engine::{Clock, Engine, EngineParts, EngineSettings, FixedClock, Ownership, StartError};
use cantus_model::{
    AggregateRef, Command, LiveComponent, Timestamp,
    ports::{Component, Store},
};
use cantus_wasm::{Limits, Runtime};

use crate::guests;

/// When everything happens, unless a test has a clock of its own.
pub const NOW: Timestamp = Timestamp(1_000_000);

/// Limits that a guest reaches soon.
pub fn limits() -> Limits {
    Limits {
        fuel_per_call: 200_000_000,
        call_timeout_ms: 20_000,
        memory_bytes: 32 << 20,
        result_bytes: 1 << 20,
        snapshot_bytes: 4 << 20,
        sandboxes: 8,
        ..Limits::default()
    }
}

/// One shard, so that all aggregates are neighbours, and queues that a test can fill.
pub fn settings() -> EngineSettings {
    EngineSettings { shards: 1, quarantine_sandboxes: 2, events_per_command: 100, ..EngineSettings::default() }
}

/// A runtime whose compiled code outlives the test, beside the guests.
///
/// # Panics
/// If it does not start.
#[expect(clippy::unwrap_used)]
pub fn runtime(limits: &Limits) -> Runtime {
    let cache = Path::new(guests::HOSTILE).with_file_name("compiled");
    Runtime::new(limits, Some(&cache)).unwrap()
}

/// The component at `path`, in a runtime of its own.
///
/// # Panics
/// If it does not load.
#[expect(clippy::unwrap_used)]
pub fn load(path: &str, limits: &Limits) -> Arc<dyn Component> {
    runtime(limits).load(&guests::read(path)).unwrap()
}

/// An engine that stands at [`NOW`].
///
/// # Panics
/// If it does not start.
pub async fn start(settings: EngineSettings, store: Arc<dyn Store>, path: &str) -> Engine {
    start_with(settings, store, load(path, &limits()), Arc::new(FixedClock(NOW))).await
}

/// An engine with another clock, or a component that is loaded already.
///
/// # Panics
/// If it does not start.
#[expect(clippy::unwrap_used)]
pub async fn start_with(
    settings: EngineSettings,
    store: Arc<dyn Store>,
    component: Arc<dyn Component>,
    clock: Arc<dyn Clock>,
) -> Engine {
    start_live(settings, store, &[LiveComponent::new(component)], clock).await.unwrap()
}

/// An engine on several components, whose health a test may look at.
///
/// # Errors
/// If it does not start.
pub async fn start_live(
    settings: EngineSettings,
    store: Arc<dyn Store>,
    live: &[LiveComponent],
    clock: Arc<dyn Clock>,
) -> Result<Engine, StartError> {
    let ownership = Ownership::claim(store.clone(), &*store).await?;
    Engine::start(EngineParts { settings, ownership, hydrator: store, live, clock, repro: None })
}

/// The command `name` to `aggregate` (`Type/id`), with nothing that may be left out.
///
/// # Panics
/// If `aggregate` has no slash.
#[expect(clippy::unwrap_used)]
pub fn command(id: &str, aggregate: &str, name: &str, payload: &str) -> Command {
    let (aggregate_type, aggregate_id) = aggregate.split_once('/').unwrap();
    Command::new(id, AggregateRef::new(aggregate_type, aggregate_id), name, payload)
}
