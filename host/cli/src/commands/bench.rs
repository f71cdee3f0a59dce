//! `cantus bench`: measures this machine, each figure together with its ceiling.

mod durable;
mod environment;
mod figure;
mod folding;
mod hydrate;
mod load;
mod memory;
mod plugin_drop;
mod replay;
mod single;
mod swap;

use std::path::PathBuf;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit, OrExit},
    output, render,
};
use environment::BenchFolder;
use figure::Figure;

const EXAMPLES: &str = "\
Examples:
  cantus bench
  cantus bench --dir /var/lib/cantus     # on the disk that will hold the store
  cantus bench --only durable_many,single_p50
  cantus bench --json > bench.jsonl

Each figure and the value that it is compared with are measured on this machine in this run. All
figures together take about seven minutes. Exit code 1: a figure missed its goal. The files of the
bench are deleted at its end.

  durable_many      commands/s with 256 in flight over 10,000 accounts,
                    against bare inserts of the same rows in the same batches
  durable_64        the same with 64 in flight; durable_64_p99 is its p99 latency against its median
  durable_hot       commands/s on one account, against durable_many
  durable_sustained commands/s for 30 seconds, while the store grows, against durable_many
  known_ids         commands/s that were decided before, against the same commands when new
  bytes_per_command bytes of store for a deposit and its event, against the previous format
  single_p50        median latency of one command at a time, against fdatasync + 0.15 ms
  combine           events/s folded in WebAssembly, against the same code compiled natively
  hydrate_snapshot  time to hydrate 1,000,000 events with a snapshot, against 10 events without
  hydrate_full      events/s hydrated without a snapshot, against the fold alone in WebAssembly
  hydrate_100k      events/s hydrated of a stream of 100,000 events, against 930,000: the best
                    figure known of another system on an SQL store (eventastic, native)
  hydrate_10k       the same with a stream of 10,000 events
  memory_10k        resident memory with 10,000 warm aggregates, against 300 MB
  swap_lost         commands lost, duplicated or failed in 100 swaps, 256 in flight, 10,000 accounts
  swap_p99          p99 latency in the second around a swap, against the second before it
  swap_throughput   commands/s with a swap every second for a minute, against a minute without
  swap_warm_ms      time from a file in the folder of plugins to a live component, with 1,000
                    commands verified, against 300 ms
  swap_cold_ms      the same without compiled code in the cache, against 1,500 ms
  replay_rate       commands/s replayed from a store, against the same handlers compiled natively
                    over the same rows
  replay_tape_rate  the same from a tape
  tape_bytes_per_command
                    bytes of tape for a command with its events, against 60 bytes
  replay_memory     resident memory of `cantus replay TAPE` with four times the history, against
                    the history once";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A folder on the disk to measure; the bench creates its own folder inside, and removes it at the end
    #[arg(long, value_name = "DIR", default_value = "data")]
    dir: PathBuf,
    /// Measure only these figures, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = figure::NAMES)]
    only: Vec<String>,
}

/// Measures and prints the figures.
///
/// # Errors
/// If a figure cannot be measured.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let folder = BenchFolder::new(&args.dir).or_exit(Exit::Machine)?;
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let spinner = output::add_progress(spinner());
    let mut report = BenchReport { json: global.json, figures: Vec::new() };

    // Memory is measured first, because later figures would leave memory allocated.
    spinner.set_message("10,000 accounts: memory and durable commands");
    let durable = [
        "memory_10k",
        "durable_many",
        "durable_64",
        "durable_64_p99",
        "durable_hot",
        "durable_sustained",
        "known_ids",
        "bytes_per_command",
    ];
    if durable.into_iter().any(wanted) {
        for figure in durable::measure(&folder, wanted).await.or_exit(Exit::Machine)? {
            report.add(figure, wanted)?;
        }
    }
    spinner.set_message("one command at a time");
    if wanted("single_p50") {
        report.add(single::measure(&folder).await.or_exit(Exit::Machine)?, wanted)?;
    }
    spinner.set_message("folding 1,000,000 events");
    if wanted("combine") {
        report.add(folding::measure(&folder).or_exit(Exit::Machine)?, wanted)?;
    }
    spinner.set_message("hydrating 1,000,000 events");
    if ["hydrate_snapshot", "hydrate_full", "hydrate_100k", "hydrate_10k"].into_iter().any(wanted) {
        for figure in hydrate::measure(&folder).await.or_exit(Exit::Machine)? {
            report.add(figure, wanted)?;
        }
    }
    spinner.set_message("swaps under load");
    if ["swap_lost", "swap_p99", "swap_throughput"].into_iter().any(wanted) {
        for figure in swap::measure(&folder, wanted).await.or_exit(Exit::Machine)? {
            report.add(figure, wanted)?;
        }
    }
    spinner.set_message("files dropped into the folder of plugins");
    if wanted("swap_warm_ms") || wanted("swap_cold_ms") {
        for figure in plugin_drop::measure(&folder).await.or_exit(Exit::Machine)? {
            report.add(figure, wanted)?;
        }
    }
    spinner.set_message("replaying two months of flights");
    if ["replay_rate", "replay_tape_rate", "tape_bytes_per_command", "replay_memory"].into_iter().any(wanted) {
        for figure in replay::measure(&folder).await.or_exit(Exit::Machine)? {
            report.add(figure, wanted)?;
        }
    }
    spinner.finish_and_clear();
    report.finish()
}

struct BenchReport {
    json: bool,
    figures: Vec<Figure>,
}

impl BenchReport {
    fn add(&mut self, figure: Figure, wanted: impl Fn(&str) -> bool) -> Result<(), CliError> {
        // The only figure without a goal is printed together with `durable_many`.
        if !wanted(if figure.goal.is_some() { figure.name } else { "durable_many" }) {
            return Ok(());
        }
        if self.json {
            output::print_json(&figure)?;
        }
        self.figures.push(figure);
        Ok(())
    }

    fn finish(self) -> Result<Exit, CliError> {
        if !self.json {
            let rows: Vec<_> = self.figures.iter().map(Figure::cells).collect();
            let headings = ["figure", "measured", "unit", "against", "", "ratio", "goal", ""];
            output::print(&render::table(&headings, &[1, 4, 5], &rows))?;
        }
        Ok(if self.figures.iter().all(|figure| figure.ok) { Exit::Ok } else { Exit::Partial })
    }
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}");
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
