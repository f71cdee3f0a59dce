//! The cost of a swap for callers: two components with the same decisions replace each other under full load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use cantus_engine::{Engine, EngineSettings};
use cantus_model::{LiveComponent, Outcome, PartitionId};
use tokio::task::JoinSet;

use super::{
    environment::{BenchFolder, account, deposit, open},
    figure::{Figure, Goal},
    load::{self, scatter},
};

const ACCOUNTS: usize = 10_000;
const IN_FLIGHT: usize = 256;
const STORE: &str = "swap.db";

const SWAPS: u32 = 100;
const BETWEEN_SWAPS: Duration = Duration::from_millis(150);

const WATCHED_SWAPS: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// A minute with swaps and a minute without, in turns, so that both have streams of the same length.
const TURNS: u32 = 6;
const TURN: Duration = Duration::from_secs(10);

pub(super) async fn measure(bench: &BenchFolder, wanted: impl Fn(&str) -> bool) -> Result<Vec<Figure>> {
    let settings = EngineSettings { resident_aggregates: ACCOUNTS, ..EngineSettings::default() };
    let engine = Arc::new(bench.engine(STORE, settings).await?);
    load::run(&engine, ACCOUNTS, IN_FLIGHT, |number| open(account(number))).await?;
    let mut swapper = Swapper {
        engine: Arc::clone(&engine),
        turns: [bench.component.clone(), bench.twin()?].map(LiveComponent::new),
        turn: 0,
    };
    let mut figures = Vec::new();
    let mut events = ACCOUNTS as u64;
    if wanted("swap_lost") {
        figures.push(lost_commands(bench, &mut swapper, &mut events).await?);
    }
    if wanted("swap_p99") {
        figures.push(p99(&mut swapper).await?);
    }
    if wanted("swap_throughput") {
        figures.push(throughput(&mut swapper).await?);
    }
    engine.shutdown().await;
    Ok(figures)
}

/// Replaces each of two components by the other.
struct Swapper {
    engine: Arc<Engine>,
    turns: [LiveComponent; 2],
    turn: usize,
}

impl Swapper {
    fn swap(&mut self) -> Result<()> {
        self.turn = 1 - self.turn;
        Ok(self.engine.swap(std::slice::from_ref(&self.turns[self.turn]))?)
    }

    async fn swap_every(&mut self, pause: Duration, times: u32) -> Result<()> {
        for _ in 0..times {
            tokio::time::sleep(pause).await;
            self.swap()?;
        }
        Ok(())
    }
}

/// Counts commands that were lost, duplicated or failed: it compares the answers with the log.
async fn lost_commands(bench: &BenchFolder, swapper: &mut Swapper, events: &mut u64) -> Result<Figure> {
    let load = BackgroundLoad::start(&swapper.engine);
    swapper.swap_every(BETWEEN_SWAPS, SWAPS).await?;
    let answered = load.stop().await?;
    let (failed, accepted) = (answered.failed, answered.latencies.len() as u64);
    *events += accepted;
    // Each accepted command is one event.
    let in_log = bench.store(STORE).await?.log_head(PartitionId::FIRST).await?;
    let lost = failed + in_log.abs_diff(*events);
    let commands = (accepted + failed) as f64;
    Ok(Figure::new(
        "swap_lost",
        (lost as f64, "commands"),
        ("commands in 100 swaps", commands),
        Some(Goal::AtMost(0.0)),
    ))
}

/// Compares the second around a swap with seconds without a swap.
async fn p99(swapper: &mut Swapper) -> Result<Figure> {
    let load = BackgroundLoad::start(&swapper.engine);
    let mut swaps = Vec::new();
    for _ in 0..WATCHED_SWAPS {
        tokio::time::sleep(3 * SECOND).await;
        swaps.push(Instant::now());
        swapper.swap()?;
    }
    tokio::time::sleep(SECOND).await;
    let answered = load.stop().await?;
    ensure!(answered.failed == 0, "{} commands failed", answered.failed);
    // The percentile of the second that begins this long before a swap.
    let p99_from = |before: Duration| {
        let within = |at: Instant| swaps.iter().any(|swap| at >= *swap - before && at < *swap - before + SECOND);
        let latencies = answered.latencies.iter().filter(|(at, _)| within(*at));
        percentile_99(latencies.map(|(_, took)| took.as_secs_f64() * 1e3).collect())
    };
    let (around, calm) = (p99_from(SECOND / 2), p99_from(SECOND * 3 / 2));
    Ok(Figure::new("swap_p99", (around, "ms"), ("the second before", calm), Some(Goal::AtMost(3.0))))
}

async fn throughput(swapper: &mut Swapper) -> Result<Figure> {
    let (mut calm, mut swapping) = (0, 0);
    for _ in 0..TURNS {
        let load = BackgroundLoad::start(&swapper.engine);
        tokio::time::sleep(TURN).await;
        calm += load.stop().await?.latencies.len();
        let load = BackgroundLoad::start(&swapper.engine);
        swapper.swap_every(SECOND, TURN.as_secs() as u32).await?;
        swapping += load.stop().await?.latencies.len();
    }
    let seconds = (TURN * TURNS).as_secs_f64();
    Ok(Figure::new(
        "swap_throughput",
        (swapping as f64 / seconds, "commands/s"),
        ("without swaps", calm as f64 / seconds),
        Some(Goal::AtLeast(0.75)),
    ))
}

/// Callers that each have one command in flight, until they are stopped.
struct BackgroundLoad {
    callers: JoinSet<CallCounts>,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct CallCounts {
    /// The time of each accepted answer, and its latency.
    latencies: Vec<(Instant, Duration)>,
    failed: u64,
}

impl BackgroundLoad {
    fn start(engine: &Arc<Engine>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (mut callers, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        for _ in 0..IN_FLIGHT {
            let (engine, stop) = (Arc::clone(engine), Arc::clone(&stop));
            callers.spawn(async move {
                let mut answered = CallCounts::default();
                while !stop.load(Relaxed) {
                    let number = NEXT.fetch_add(1, Relaxed);
                    let started = Instant::now();
                    match engine.execute(deposit(account(scatter(number, ACCOUNTS)), number)).await {
                        Ok(decided) if matches!(decided.outcome, Outcome::Accepted { .. }) && !decided.duplicate => {
                            let now = Instant::now();
                            answered.latencies.push((now, now - started));
                        }
                        _ => answered.failed += 1,
                    }
                }
                answered
            });
        }
        Self { callers, stop }
    }

    async fn stop(mut self) -> Result<CallCounts> {
        self.stop.store(true, Relaxed);
        let mut all = CallCounts::default();
        while let Some(answered) = self.callers.join_next().await {
            let mut answered = answered?;
            all.latencies.append(&mut answered.latencies);
            all.failed += answered.failed;
        }
        Ok(all)
    }
}

fn percentile_99(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * 99 / 100).copied().unwrap_or(f64::NAN)
}
