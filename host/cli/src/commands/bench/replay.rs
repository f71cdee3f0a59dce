//! The replay of a history, from a store and from a tape, against the same handlers compiled natively.
//!
//! The history repeats the real day of flights for each day of January and February.

use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    path::Path,
    process::Stdio,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use cantus_engine::EngineSettings;
use cantus_model::{
    Digest, HistoryPage, HistoryQuery, Outcome,
    ports::{Component, HistorySource, Store},
};
use cantus_replay::replay::{Components, Replay, ReplayConfig, ReplayProgress, replay};
use cantus_sdk::testing::Harness;
use cantus_store::tape::{Tape, TapeWriter};
use crossbeam_channel::{Receiver, bounded};

use super::{
    environment::BenchFolder,
    figure::{Figure, Goal, median},
    memory,
    plugin_drop::{DAY, FLIGHTS, command},
};

/// The days of the history, each with about 4,200 commands.
const DAYS: usize = 58;
const ROUNDS: usize = 3;
const BYTES_GOAL: f64 = 60.0;
/// The long tape has this many times the history of the short one.
const TIMES: usize = 4;
const STORE: &str = "replay.db";

pub(super) async fn measure(bench: &BenchFolder) -> Result<Vec<Figure>> {
    let component = bench.load(FLIGHTS)?;
    record(bench, &component).await?;
    let store = bench.store(STORE).await?;
    let commands = commands(&*store).await?;
    let (short, long) = (bench.path("short.tape"), bench.path("long.tape"));
    let bytes = write_tape(&*store, &short, 1).await?;
    write_tape(&*store, &long, TIMES).await?;
    let (wasm, native) = rates(&*store, &component, commands).await?;
    let (wasm_tape, native_tape) = rates(&Tape::open(&short)?, &component, commands).await?;
    let plugin = bench.path("flights.wasm");
    std::fs::write(&plugin, FLIGHTS)?;
    let memory_short = memory_of_replay(bench, &short, &plugin)?;
    let memory_long = memory_of_replay(bench, &long, &plugin)?;
    let at_least = Some(Goal::AtLeast(0.4));
    Ok(vec![
        Figure::new("replay_rate", (wasm, "commands/s"), ("native re-run", native), at_least),
        Figure::new("replay_tape_rate", (wasm_tape, "commands/s"), ("native re-run", native_tape), at_least),
        Figure::new(
            "tape_bytes_per_command",
            (bytes as f64 / commands as f64, "bytes"),
            ("goal", BYTES_GOAL),
            Some(Goal::AtMost(1.0)),
        ),
        Figure::new(
            "replay_memory",
            (memory_long, "MB for 4 x the tape"),
            ("MB for the tape", memory_short),
            Some(Goal::AtMost(1.5)),
        ),
    ])
}

/// Decides all days with the component.
async fn record(bench: &BenchFolder, component: &Arc<dyn Component>) -> Result<()> {
    let engine = bench.engine_of(STORE, EngineSettings::default(), component).await?;
    let csv = bench.path("days.csv");
    std::fs::write(&csv, days())?;
    let mut pending: VecDeque<cantus_engine::PendingAnswer> = VecDeque::new();
    for line in flights::feed::open(&csv)?.commands() {
        if pending.len() >= 512
            && let Some(answer) = pending.pop_front()
        {
            answer.await?;
        }
        pending.push_back(engine.submit(command(&serde_json::to_value(&line?)?))?);
    }
    engine.shutdown().await;
    Ok(())
}

/// Repeats the rows of the day for each day from the first of January on.
fn days() -> String {
    let (head, rows) = DAY.split_once('\n').unwrap_or((DAY, ""));
    let date = |day: usize| if day < 31 { (1, day + 1) } else { (2, day - 30) };
    let mut csv = format!("{head}\n");
    for day in 0..DAYS {
        let ((month, of_month), (next_month, next)) = (date(day), date(day + 1));
        for row in rows.lines() {
            let row = row.replacen("2013,1,1,", &format!("2013,{month},{of_month},"), 1);
            let row = row.replace("2013-01-02T", &format!("2013-{next_month:02}-{next:02}T"));
            csv.push_str(&row.replace("2013-01-01T", &format!("2013-{month:02}-{of_month:02}T")));
            csv.push('\n');
        }
    }
    csv
}

async fn commands(store: &dyn Store) -> Result<u64> {
    store.history(&HistoryQuery::default()).await?.commands().context("the store does not know its number of commands")
}

fn rate(commands: u64, took: Duration) -> f64 {
    commands as f64 / took.as_secs_f64()
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Measures the commands per second of a replay in WebAssembly and of one with native code, in turns.
async fn rates(source: &dyn HistorySource, component: &Arc<dyn Component>, commands: u64) -> Result<(f64, f64)> {
    let (mut wasm, mut native) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        wasm.push(rate(commands, replay_all(source, component).await?));
        native.push(rate(commands, replay_natively(source).await?));
    }
    Ok((median(wasm), median(native)))
}

async fn replay_all(source: &dyn HistorySource, component: &Arc<dyn Component>) -> Result<Duration> {
    let flights = Arc::clone(component);
    let find = move |_: Digest| Ok(Some(Arc::clone(&flights)));
    let config = ReplayConfig {
        components: Arc::new(Components::new(Box::new(find))),
        candidate: None,
        perturbations: Vec::new(),
        since: None,
        events_per_command: EngineSettings::default().events_per_command,
    };
    let request = Replay { query: HistoryQuery::default(), limit: None, threads: threads(), config };
    let started = Instant::now();
    let report = replay(source, request, &Arc::new(ReplayProgress::default())).await?;
    let took = started.elapsed();
    ensure!(report.is_clean(), "{} commands differ", report.differing());
    Ok(took)
}

/// Runs the same handlers and combiners, linked into this binary, over the same rows, on as many threads.
async fn replay_natively(source: &dyn HistorySource) -> Result<Duration> {
    let started = Instant::now();
    let mut history = source.history(&HistoryQuery::default()).await?;
    let (pages, queue) = bounded::<Vec<HistoryPage>>(threads() * 4);
    let workers: Vec<_> = (0..threads())
        .map(|_| {
            let queue = queue.clone();
            thread::spawn(move || native_worker(&queue))
        })
        .collect();
    let mut batch = Vec::new();
    while let Some(page) = history.next_page().await? {
        batch.push(page);
        // A stream stays in one piece.
        if batch.len() >= 256 && batch.last().is_some_and(|page| page.last) {
            let (pages, batch) = (pages.clone(), std::mem::take(&mut batch));
            tokio::task::spawn_blocking(move || pages.send(batch)).await??;
        }
    }
    pages.send(batch)?;
    drop(pages);
    for worker in workers {
        worker.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    }
    Ok(started.elapsed())
}

fn native_worker(queue: &Receiver<Vec<HistoryPage>>) -> Result<()> {
    for pages in queue {
        let mut streams: HashMap<String, Harness> = HashMap::new();
        for page in pages {
            let key = page.aggregate.to_string();
            let harness =
                streams.entry(key).or_insert_with(|| Harness::new(&page.aggregate.aggregate_type, &page.aggregate.id));
            for recorded in page.commands {
                let command = &recorded.record.command;
                let decided = harness.handle(&command.name, command.version, command.payload.clone());
                let accepted = matches!(recorded.record.outcome, Outcome::Accepted { .. });
                ensure!(decided.is_ok() == accepted, "a native handler decided differently");
                if let Ok(events) = decided {
                    let same =
                        events.iter().map(|event| &event.payload).eq(recorded.events.iter().map(|it| &it.payload));
                    ensure!(same, "a native handler's events differ");
                    harness.combine(&events).map_err(|error| anyhow::anyhow!(error))?;
                }
            }
            if page.last {
                std::hint::black_box(streams.remove(&page.aggregate.to_string()).map(|harness| harness.snapshot()));
            }
        }
    }
    Ok(())
}

/// Writes a tape with the history of the store, repeated `times` times, and returns its size.
async fn write_tape(store: &dyn Store, path: &Path, times: usize) -> Result<u64> {
    let query = HistoryQuery::default();
    let mut writer = TapeWriter::new(std::io::BufWriter::new(File::create(path)?), &query, &[], None)?;
    for _ in 0..times {
        let mut history = store.history(&query).await?;
        while let Some(page) = history.next_page().await? {
            writer.write(page)?;
        }
    }
    let (file, _) = writer.finish()?;
    file.into_inner()?.sync_all()?;
    Ok(std::fs::metadata(path)?.len())
}

/// Returns the peak resident memory in MB of `cantus replay` in a process of its own.
fn memory_of_replay(bench: &BenchFolder, tape: &Path, plugin: &Path) -> Result<f64> {
    let mut cantus = std::process::Command::new(std::env::current_exe()?);
    cantus.arg("replay").arg(tape).arg("--plugin").arg(plugin).arg("--json");
    cantus.arg("--set").arg(format!("data={}", bench.path("replay").display()));
    memory::peak_mb(cantus.stdout(Stdio::null()).spawn()?)
}
