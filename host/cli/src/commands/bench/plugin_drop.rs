//! The time from a file in the folder of plugins to a live component: release 1.1 of the flights example, in a host that follows
//! the folder, after release 1.0 has decided a day.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use cantus_engine::registry::FileState;
use cantus_host::Host;
use cantus_model::Command;

use super::{
    environment::BenchFolder,
    figure::{Figure, Goal, median},
};
use cantus_host::HostSettings;

pub(super) const FLIGHTS: &[u8] = include_bytes!(env!("CANTUS_FLIGHTS_WASM"));
const RELEASE: &[u8] = include_bytes!(env!("CANTUS_FLIGHTS_1_1_WASM"));
pub(super) const DAY: &str = include_str!("../../../../../examples/flights/data/flights-2013-01-01.csv");
const FILE: &str = "flights.wasm";
const ROUNDS: usize = 5;
const VERIFIED: usize = 1_000;
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn measure(bench: &BenchFolder) -> Result<Vec<Figure>> {
    let day = bench.path("day");
    decide_day(&day).await?;
    let (mut warm, mut cold) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let copy = bench.path(&format!("drop-{round}"));
        copy_folder(&day, &copy)?;
        cold.push(drop_release(&copy).await?);
        // Again with the compiled code of the first time.
        let again = bench.path(&format!("drop-again-{round}"));
        copy_folder(&day, &again)?;
        std::fs::remove_dir_all(again.join("compiled"))?;
        copy_folder(&copy.join("compiled"), &again.join("compiled"))?;
        warm.push(drop_release(&again).await?);
    }
    let goal = Some(Goal::AtMost(1.0));
    Ok(vec![
        Figure::new("swap_warm_ms", (median(warm), "ms"), ("goal", 300.0), goal),
        Figure::new("swap_cold_ms", (median(cold), "ms"), ("goal", 1_500.0), goal),
    ])
}

fn settings(folder: &Path) -> HostSettings {
    HostSettings {
        store: format!("sqlite:{}", folder.join("cantus.db").display()),
        plugins: folder.join("plugins"),
        data: folder.to_owned(),
        ..HostSettings::default()
    }
}

/// Runs a host in a folder that decides the day with release 1.0.
async fn decide_day(folder: &Path) -> Result<()> {
    let settings = settings(folder);
    std::fs::create_dir_all(&settings.plugins)?;
    std::fs::write(settings.plugins.join(FILE), FLIGHTS)?;
    let host = Host::builder().settings(settings.clone()).start().await?;
    let csv = folder.join("day.csv");
    std::fs::write(&csv, DAY)?;
    for line in flights::feed::open(&csv)?.commands() {
        host.submit(command(&serde_json::to_value(&line?)?))?;
    }
    host.shutdown().await;
    Ok(())
}

/// Converts a line of the feed to a command.
pub(super) fn command(line: &serde_json::Value) -> Command {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    Command {
        id: text("id"),
        aggregate: cantus_model::AggregateRef::new(text("aggregate"), text("aggregate_id")),
        name: text("command"),
        version: None,
        payload: line["payload"].to_string().into_bytes(),
        expected_version: None,
        actor: None,
        correlation_id: None,
        causation_id: None,
        metadata: Vec::new(),
    }
}

/// Measures the milliseconds from the file in the folder until the component is live.
async fn drop_release(folder: &Path) -> Result<f64> {
    let settings = settings(folder);
    let host = Host::builder().settings(settings.clone()).follow_plugins().start().await?;
    let mut statuses = host.statuses();
    let release = folder.join("release");
    std::fs::write(&release, RELEASE)?;
    let started = Instant::now();
    std::fs::rename(&release, settings.plugins.join(FILE))?;
    let live = statuses.wait_for(|files| {
        files.iter().any(|file| {
            let is_release = file.version.as_ref().is_some_and(|version| version.minor == 1);
            is_release && matches!(file.state, FileState::Active | FileState::Refused)
        })
    });
    let state = tokio::time::timeout(TIMEOUT, live).await??.first().map(|file| file.state);
    let took = started.elapsed();
    ensure!(state == Some(FileState::Active), "release 1.1 did not go live");
    host.shutdown().await;
    check_verified(&settings).await?;
    Ok(took.as_secs_f64() * 1e3)
}

async fn check_verified(settings: &HostSettings) -> Result<()> {
    let store = cantus_store::open_read_only(&settings.store).await?;
    let last = store.activations(1).await?.pop().context("nothing was activated")?;
    let report: cantus_replay::verify::VerificationReport =
        serde_json::from_str(&last.report.context("there is no report")?)?;
    match report.findings.commands as usize {
        VERIFIED => Ok(()),
        commands => bail!("{commands} commands were verified"),
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).map_err(|error| anyhow!("{}: {error}", from.display()))? {
        let (from, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let to: PathBuf = to.join(name);
        if from.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            std::fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
