//! The fold of one long stream in WebAssembly, and by the same code compiled natively.

use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use bank as _;
use cantus_engine::EngineSettings;
use cantus_model::{EventBatch, ports::HashSeed};
use cantus_sdk::{EventRef, testing::Harness};

use super::{
    environment::BenchFolder,
    figure::{Figure, Goal, median},
};

// The native fold is the example's own code, linked into this binary.

pub(super) const EVENTS: usize = 1_000_000;
const ROUNDS: usize = 7;

pub(super) fn measure(bench: &BenchFolder) -> Result<Figure> {
    let batches = batches(EVENTS);
    let (mut wasm, mut native) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (rate, state) = fold_in_wasm(bench, &batches)?;
        wasm.push(rate);
        let (rate, native_state) = fold_natively(&batches)?;
        native.push(rate);
        ensure!(state == native_state, "the states folded in WebAssembly and natively differ");
    }
    let goal = Some(Goal::AtLeast(0.4));
    Ok(Figure::new("combine", (median(wasm), "events/s"), ("native fold", median(native)), goal))
}

/// Returns an opening and deposits, in pages as the engine hydrates them.
pub(super) fn batches(events: usize) -> Vec<EventBatch> {
    let page = EngineSettings::default().page_events;
    (0..events).step_by(page).map(|first| batch(first..(first + page).min(events))).collect()
}

fn batch(numbers: std::ops::Range<usize>) -> EventBatch {
    let mut batch = EventBatch::default();
    for number in numbers {
        let (name, version, payload) = event(number);
        batch.push(name, version, payload.as_bytes());
    }
    batch
}

/// Returns the nth event of an account.
pub(super) fn event(number: usize) -> (&'static str, u32, String) {
    match number {
        0 => ("AccountOpened", 2, r#"{"owner":"Ada Lovelace","overdraft":0}"#.to_owned()),
        _ => {
            let amount = 1 + number % 500;
            let at = "2026-01-01T00:00:00.000000Z";
            ("Deposited", 1, format!(r#"{{"amount":{amount},"reference":"invoice {number:08}","at":"{at}"}}"#))
        }
    }
}

/// Folds in the guest. Returns the events per second, and the state.
pub(super) fn fold_in_wasm(bench: &BenchFolder, batches: &[EventBatch]) -> Result<(f64, Vec<u8>)> {
    let mut sandbox = bench.component.open_aggregates(HashSeed::default())?;
    let instance = sandbox.restore("Account", "folded", None)?;
    let started = Instant::now();
    for batch in batches {
        sandbox.combine(instance, batch)?;
    }
    let rate = EVENTS as f64 / started.elapsed().as_secs_f64();
    Ok((rate, sandbox.snapshot(instance)?))
}

fn fold_natively(batches: &[EventBatch]) -> Result<(f64, Vec<u8>)> {
    let mut harness = Harness::new("Account", "folded");
    let started = Instant::now();
    for batch in batches {
        let kinds: Vec<_> = batch.kinds().iter().map(|kind| (kind.name.as_str(), kind.version)).collect();
        let refs: Vec<_> = batch.events().iter().map(|event| EventRef { kind: event.kind, size: event.size }).collect();
        harness.combine_batch(&kinds, &refs, batch.payloads()).map_err(|error| anyhow!(error))?;
    }
    let rate = EVENTS as f64 / started.elapsed().as_secs_f64();
    Ok((rate, harness.snapshot()))
}
