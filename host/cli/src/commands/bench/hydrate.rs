//! The time until the first command to a cold aggregate is answered: with a million events, and with a snapshot of them.
//!
//! The command expects a wrong version, so it is answered after the hydration and without an fsync.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use cantus_engine::{Engine, EngineSettings};
use cantus_model::{
    AggregateRef, CommandError, Context, Decision, Entry, EntryResult, Message, PartitionId, Timestamp, Verdict,
};

use super::{
    environment::{BenchFolder, account, command, deposit},
    figure::{Figure, Goal, median},
    folding::{self, EVENTS, event},
};

const SHORT: usize = 10;
const ROUNDS_FULL: usize = 3;
const ROUNDS_SNAPSHOT: usize = 11;
const EVENTS_PER_COMMAND: usize = 1_000;
const COMMANDS_PER_BATCH: usize = 20;
/// The lengths of the streams that are compared with another system.
const MID_LENGTHS: [(&str, usize); 2] = [("hydrate_100k", 100_000), ("hydrate_10k", 10_000)];
/// Events per second of the fastest other system on an SQL store.
const BEST_PEER: f64 = 930_000.0;
const STORE: &str = "hydrate.db";

pub(super) async fn measure(bench: &BenchFolder) -> Result<Vec<Figure>> {
    let (long, short, other) = (account(0), account(1), account(2));
    append(bench, &long, EVENTS).await?;
    append(bench, &short, SHORT).await?;
    append(bench, &other, SHORT).await?;
    let mut figures = Vec::new();
    for (number, (name, events)) in (3..).zip(MID_LENGTHS) {
        figures.push(mid_length(bench, name, &account(number), events, &other).await?);
    }

    let batches = folding::batches(EVENTS);
    let (mut full, mut fold) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS_FULL {
        let engine = warmed_up(bench, &other).await?;
        full.push(EVENTS as f64 / hydrate(&engine, &long, EVENTS as u64).await?.as_secs_f64());
        engine.shutdown().await;
        fold.push(folding::fold_in_wasm(bench, &batches)?.0);
    }

    let engine = bench.engine(STORE, EngineSettings::default()).await?;
    engine.execute(deposit(long.clone(), EVENTS)).await?; // a snapshot is due; the shutdown waits for it
    engine.shutdown().await;
    let (mut with_snapshot, mut ten_events) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS_SNAPSHOT {
        let engine = warmed_up(bench, &other).await?;
        with_snapshot.push(hydrate(&engine, &long, EVENTS as u64 + 1).await?.as_secs_f64() * 1e3);
        ten_events.push(hydrate(&engine, &short, SHORT as u64).await?.as_secs_f64() * 1e3);
        engine.shutdown().await;
    }
    let (with_snapshot, ten_events) = (median(with_snapshot), median(ten_events));
    figures.extend([
        Figure::new("hydrate_snapshot", (with_snapshot, "ms"), ("10 events", ten_events), Some(Goal::AtMost(5.0))),
        Figure::new(
            "hydrate_full",
            (median(full), "events/s"),
            ("the fold alone, in wasm", median(fold)),
            Some(Goal::AtLeast(0.5)),
        ),
    ]);
    Ok(figures)
}

/// Hydrates a stream of this many events without a snapshot.
async fn mid_length(
    bench: &BenchFolder,
    name: &'static str,
    aggregate: &AggregateRef,
    events: usize,
    other: &AggregateRef,
) -> Result<Figure> {
    append(bench, aggregate, events).await?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS_SNAPSHOT {
        let engine = warmed_up(bench, other).await?;
        rates.push(events as f64 / hydrate(&engine, aggregate, events as u64).await?.as_secs_f64());
        engine.shutdown().await;
    }
    let goal = Some(Goal::AtLeast(1.0));
    Ok(Figure::new(name, (median(rates), "events/s"), ("best SQL peer seen", BEST_PEER), goal))
}

/// Starts an engine, and opens its sandbox and its connections.
async fn warmed_up(bench: &BenchFolder, other: &AggregateRef) -> Result<Engine> {
    let engine = bench.engine(STORE, EngineSettings::default()).await?;
    hydrate(&engine, other, SHORT as u64).await?;
    Ok(engine)
}

async fn hydrate(engine: &Engine, aggregate: &AggregateRef, version: u64) -> Result<Duration> {
    let mut probe = command(aggregate.clone(), "Deposit", r#"{"amount":1,"reference":"probe"}"#.to_owned());
    probe.expected_version = Some(version + 1);
    let started = Instant::now();
    match engine.execute(probe).await {
        Err(CommandError::Conflict { actual, .. }) if actual == version => Ok(started.elapsed()),
        answer => bail!("the hydration did not end at version {version}: {answer:?}"),
    }
}

/// Writes a stream directly to the journal, with many events in each command, which is faster than deciding them.
async fn append(bench: &BenchFolder, aggregate: &AggregateRef, events: usize) -> Result<()> {
    let store = bench.store(STORE).await?;
    let claim = store.claim(PartitionId::FIRST).await?;
    let entries: Vec<Entry> = (0..events)
        .step_by(EVENTS_PER_COMMAND)
        .map(|first| entry(bench, aggregate, first..(first + EVENTS_PER_COMMAND).min(events)))
        .collect();
    for batch in entries.chunks(COMMANDS_PER_BATCH) {
        for result in store.commit(claim, batch).await? {
            ensure!(matches!(result, EntryResult::Committed { .. }), "the stream was not written: {result:?}");
        }
    }
    Ok(())
}

fn entry(bench: &BenchFolder, aggregate: &AggregateRef, numbers: Range<usize>) -> Entry {
    let request = deposit(aggregate.clone(), numbers.start);
    let events = numbers.clone().map(|number| {
        let (name, version, payload) = event(number);
        Message { name: name.to_owned(), version, payload: payload.into_bytes() }
    });
    let context = Context {
        command_id: request.id.clone(),
        now: Timestamp(numbers.start as u64),
        seed: request.seed(),
        correlation_id: request.id.clone(),
        causation_id: None,
        actor: None,
        metadata: Vec::new(),
    };
    Entry {
        request_hash: request.request_hash(),
        command_id: request.id,
        aggregate: aggregate.clone(),
        decision: Some(Decision {
            base_version: numbers.start as u64,
            command: Message { name: request.name, version: 1, payload: request.payload },
            context,
            verdict: Verdict::Accepted(events.collect()),
            component: bench.component.digest(),
        }),
    }
}
