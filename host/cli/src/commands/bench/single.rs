//! The latency of one command at a time, compared with an fdatasync on the same disk.

use std::{
    fs::File,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::Result;
use cantus_engine::EngineSettings;

use super::{
    environment::{BenchFolder, account, deposit, open},
    figure::{Figure, Goal, median},
};

const COMMANDS: usize = 300;
const PAGE: [u8; 4096] = [0x5a; 4096];
const ALLOWANCE_MS: f64 = 0.15;

pub(super) async fn measure(bench: &BenchFolder) -> Result<Figure> {
    let engine = bench.engine("single.db", EngineSettings::default()).await?;
    engine.execute(open(account(0))).await?;
    let mut file = File::create(bench.path("fdatasync"))?;
    let (mut commands, mut syncs) = (Vec::new(), Vec::new());
    for number in 0..COMMANDS {
        let started = Instant::now();
        engine.execute(deposit(account(0), number)).await?;
        commands.push(ms(started.elapsed()));
        let started = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        syncs.push(ms(started.elapsed()));
    }
    engine.shutdown().await;
    let goal = Some(Goal::AtMost(1.0));
    Ok(Figure::new("single_p50", (median(commands), "ms"), ("fdatasync + 0.15 ms", median(syncs) + ALLOWANCE_MS), goal))
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
