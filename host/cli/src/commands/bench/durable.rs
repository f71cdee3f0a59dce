//! Durable commands per second: over many aggregates and on one, with many and few callers, for a short and a long time. Also the
//! memory of warm aggregates.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use cantus_engine::{Engine, EngineSettings};
use cantus_model::Command;
use cantus_store::ceiling;

use super::{
    environment::{BenchFolder, account, deposit, open},
    figure::{Figure, Goal, median},
    load::{self, LoadResult, scatter},
    memory,
};

const ACCOUNTS: usize = 10_000;
const IN_FLIGHT: usize = 256;
const FEW_IN_FLIGHT: usize = 64;
const ROUNDS: usize = 5;
const COMMANDS: usize = 25_000;
const COMMANDS_ONE_BY_ONE: usize = 500;
const SUSTAINED: Duration = Duration::from_secs(30);
const MEMORY_GOAL_MB: f64 = 300.0;
/// Bytes on disk of a deposit and its event in the format before this one.
const BYTES_BEFORE: f64 = 591.0;
const STORE: &str = "durable.db";

pub(super) async fn measure(bench: &BenchFolder, wanted: impl Fn(&str) -> bool) -> Result<Vec<Figure>> {
    let settings = EngineSettings { resident_aggregates: ACCOUNTS, ..EngineSettings::default() };
    let engine = Arc::new(bench.engine(STORE, settings).await?);
    load::run(&engine, ACCOUNTS, IN_FLIGHT, |number| open(account(number))).await?;
    let memory = memory::own_mb()?;
    let mut figures =
        vec![Figure::new("memory_10k", (memory, "MB"), ("goal", MEMORY_GOAL_MB), Some(Goal::AtMost(1.0)))];
    let mut deposits = Deposits { engine: Arc::clone(&engine), next: 0 };
    let before = (ceiling::file_bytes(&bench.path(STORE))?, deposits.next);

    let many = against_bare(bench, &mut deposits, IN_FLIGHT).await?;
    figures.push(many.figure("durable_many"));
    let (bytes, next) = (ceiling::file_bytes(&bench.path(STORE))?, deposits.next);
    if wanted("durable_64") {
        let few = against_bare(bench, &mut deposits, FEW_IN_FLIGHT).await?;
        let goal = Some(Goal::AtMost(5.0));
        figures.push(few.figure("durable_64"));
        figures.push(Figure::new("durable_64_p99", (few.p99, "ms"), ("p50", few.p50), goal));
    }
    if wanted("durable_hot") {
        let mut hot = Vec::new();
        for _ in 0..ROUNDS {
            hot.push(load::run(&engine, COMMANDS, IN_FLIGHT, |number| deposit(account(0), number)).await?.rate());
        }
        let goal = Some(Goal::AtLeast(0.5));
        figures.push(Figure::new("durable_hot", (median(hot), "commands/s"), ("durable_many", many.rate), goal));
    }
    if wanted("known_ids") {
        figures.push(known_ids(&engine, &mut deposits).await?);
    }
    if wanted("durable_sustained") {
        figures.push(sustained(&mut deposits, many.rate).await?);
    }
    engine.shutdown().await;
    let each = (bytes - before.0) as f64 / (next - before.1) as f64;
    let goal = Some(Goal::AtMost(0.5));
    figures.push(Figure::new("bytes_per_command", (each, "bytes"), ("the format before", BYTES_BEFORE), goal));
    let alone = one_by_one(bench).await?;
    figures.push(Figure::new("durable_one_by_one", (alone, "commands/s"), ("bare multi-row insert", many.bare), None));
    Ok(figures)
}

/// Deposits into all accounts; each has another number.
struct Deposits {
    engine: Arc<Engine>,
    next: usize,
}

impl Deposits {
    async fn run(&mut self, in_flight: usize) -> Result<LoadResult> {
        let first = self.next;
        self.next += COMMANDS;
        load::run(&self.engine, COMMANDS, in_flight, move |number| nth(first + number)).await
    }
}

fn nth(number: usize) -> Command {
    deposit(account(scatter(number, ACCOUNTS)), number)
}

/// The medians of several rounds.
struct DurableRates {
    rate: f64,
    bare: f64,
    p50: f64,
    p99: f64,
}

impl DurableRates {
    fn figure(&self, name: &'static str) -> Figure {
        let goal = Some(Goal::AtLeast(0.75));
        Figure::new(name, (self.rate, "commands/s"), ("bare inserts, same batches", self.bare), goal)
    }
}

/// Runs rounds of deposits. After each, it inserts the same rows in the same batches into a copy of the store from before.
async fn against_bare(bench: &BenchFolder, deposits: &mut Deposits, in_flight: usize) -> Result<DurableRates> {
    let (mut rates, mut bare, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let copy = bench.path(&format!("bare-{in_flight}-{round}.db"));
        ceiling::copy(&bench.path(STORE), &copy)?;
        let run = deposits.run(in_flight).await?;
        rates.push(run.rate());
        p50.push(run.percentile(50));
        p99.push(run.percentile(99));
        let took = ceiling::bare_insert(&bench.path(STORE), &copy, &run.batches)?;
        bare.push(COMMANDS as f64 / took.as_secs_f64());
        std::fs::remove_file(copy)?;
    }
    Ok(DurableRates { rate: median(rates), bare: median(bare), p50: median(p50), p99: median(p99) })
}

/// Sends the same commands again after they were decided, against new commands.
async fn known_ids(engine: &Arc<Engine>, deposits: &mut Deposits) -> Result<Figure> {
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let first = deposits.next;
        deposits.next += COMMANDS;
        let commands: Arc<[Command]> = (first..deposits.next).map(nth).collect();
        for rates in [&mut new, &mut known] {
            let commands = Arc::clone(&commands);
            let make = move |number: usize| commands[number].clone();
            rates.push(load::run(engine, COMMANDS, IN_FLIGHT, make).await?.rate());
        }
    }
    let against = ("the same when they were new", median(new));
    Ok(Figure::new("known_ids", (median(known), "commands/s"), against, Some(Goal::AtLeast(1.0))))
}

/// Sends deposits for half a minute, while the store grows.
async fn sustained(deposits: &mut Deposits, burst: f64) -> Result<Figure> {
    let (started, first) = (Instant::now(), deposits.next);
    while started.elapsed() < SUSTAINED {
        deposits.run(IN_FLIGHT).await?;
    }
    let rate = (deposits.next - first) as f64 / started.elapsed().as_secs_f64();
    let goal = Some(Goal::AtLeast(0.9));
    Ok(Figure::new("durable_sustained", (rate, "commands/s"), ("durable_many", burst), goal))
}

/// Sends deposits with one transaction for each command.
async fn one_by_one(bench: &BenchFolder) -> Result<f64> {
    let engine =
        Arc::new(bench.engine(STORE, EngineSettings { batch_commands: 1, ..EngineSettings::default() }).await?);
    let run = load::run(&engine, COMMANDS_ONE_BY_ONE, IN_FLIGHT, nth).await?;
    engine.shutdown().await;
    Ok(run.rate())
}
