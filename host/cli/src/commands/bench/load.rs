//! Closed-loop load: a number of callers, each with one command in flight.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use cantus_engine::{Engine, Stats};
use cantus_model::{Command, Outcome};
use tokio::task::JoinSet;

/// The measurements of a run.
pub(super) struct LoadResult {
    pub(super) took: Duration,
    /// The latency of each command in milliseconds, the shortest first.
    pub(super) latencies: Vec<f64>,
    /// The sizes of the batches, the smallest first.
    pub(super) batches: Vec<usize>,
}

impl LoadResult {
    /// Returns a percentile of the latency.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        self.latencies.get(self.latencies.len() * percent / 100).copied().unwrap_or(f64::NAN)
    }

    /// Returns the commands per second.
    pub(super) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

/// Runs `count` commands with `in_flight` at once. All must be accepted.
pub(super) async fn run(
    engine: &Arc<Engine>,
    count: usize,
    in_flight: usize,
    make: impl Fn(usize) -> Command + Send + Sync + 'static,
) -> Result<LoadResult> {
    let before = engine.stats();
    let (next, make) = (Arc::new(AtomicUsize::new(0)), Arc::new(make));
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..in_flight {
        let (engine, next, make) = (Arc::clone(engine), Arc::clone(&next), Arc::clone(&make));
        callers.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= count {
                    return Ok(latencies);
                }
                let command = make(number);
                let asked = Instant::now();
                let decided = engine.execute(command).await?;
                latencies.push(asked.elapsed().as_secs_f64() * 1e3);
                ensure!(matches!(decided.outcome, Outcome::Accepted { .. }), "a command was rejected: {decided:?}");
            }
        });
    }
    let mut latencies: Vec<f64> = Vec::with_capacity(count);
    while let Some(ended) = callers.join_next().await {
        latencies.extend::<Vec<f64>>(ended??);
    }
    let took = started.elapsed();
    latencies.sort_by(f64::total_cmp);
    Ok(LoadResult { took, latencies, batches: batches(&before, &engine.stats()) })
}

fn batches(before: &Stats, after: &Stats) -> Vec<usize> {
    let new = |size: &usize, count: &u64| count - before.batches.get(size).unwrap_or(&0);
    after.batches.iter().flat_map(|(size, count)| std::iter::repeat_n(*size, new(size, count) as usize)).collect()
}

/// Returns a pseudo-random number below `bound`: the finaliser of SplitMix64.
pub(super) fn scatter(number: usize, bound: usize) -> usize {
    let mut z = (number as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % bound as u64) as usize
}
