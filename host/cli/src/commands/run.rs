//! `cantus run`: runs a host that reads commands as JSON lines.

mod answer_order;
mod feed;
pub(crate) mod input;
mod outcome_line;
mod outcomes;
mod progress;
mod run_counts;
mod stop;

use std::{path::PathBuf, sync::Arc, time::Instant};

use cantus_host::{Host, wire::new_command_id};

use crate::{
    args::{GlobalArgs, PluginsArg, StoreArg},
    exit_codes::{CliError, Exit},
    notices, output,
    output_file::ProtectedFiles,
    settings,
};
use run_counts::RunCounts;

const EXAMPLES: &str = "\
Examples:
  cantus run --commands commands.jsonl
  cantus run --commands commands.jsonl --outcomes outcomes.jsonl
  cantus run --commands commands.jsonl --rate 1000 --watch
  echo '{\"aggregate\":\"Counter\",\"aggregate_id\":\"c-1\",\"command\":\"Increment\",\"payload\":{}}' \\
    | cantus run --commands - --outcomes -

Each line is one JSON object:
  aggregate, aggregate_id  the type and the id of the aggregate (required)
  command, payload         the name of the command and its payload (required); the payload is
                           passed to the plugin unchanged, byte by byte
  id                       the id of the command, unique for ever: a command with the same id is
                           answered with the stored outcome. A line without an id gets a new one,
                           so write ids if the same file may be run again
  version                  the version of the command's schema; the newest if it is missing
  expected_version         the stream version that the aggregate must have
  actor, correlation_id, causation_id, metadata (an object of strings)

Commands for one aggregate are decided in the order of their lines. Outcomes are written when they
are durable, each with its line number; those of one aggregate are in the order of their lines. An
invalid line is reported and skipped. Ctrl-C stops reading, waits for the outcomes of all submitted
commands, and prints the summary. A second Ctrl-C stops at once.

--outcomes replaces an earlier file of outcomes at the start. It replaces another file only with
--force, and never a store, a plugin or an input.

A new file in the folder of plugins is verified before it goes live (see `cantus plugin verify
--help`): at the start, and with --watch at any time. If it is refused, the version before it stays
live. With --watch the host also follows `cantus plugin activate`, `rollback` and `deactivate`, and
rolls back a version by itself that faults too often.

A version that is live stays live if its file is missing at the start. `cantus plugin deactivate`
ends it.

One host writes to a store at a time. A second host takes over, and the first one stops.";

/// Most lines that are read ahead. Each may have `line_bytes`, so it does not grow with `in_flight`.
const LINES_AHEAD: usize = 256;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file of commands, or - for stdin
    #[arg(long, value_name = "FILE|-")]
    commands: PathBuf,
    /// Write one JSON line for each command to this file, or to stdout with -
    #[arg(long, value_name = "FILE|-")]
    outcomes: Option<PathBuf>,
    /// Let --outcomes replace any file except a store, a plugin and an input
    #[arg(long, requires = "outcomes")]
    force: bool,
    /// Submit at most this many commands before the first is answered [env: CANTUS_IN_FLIGHT] [default: 256]
    #[arg(long, value_name = "N")]
    in_flight: Option<String>,
    /// Submit at most this many commands in a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Follow the folder of plugins: a component that is put there is verified and goes live
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Runs the host until the input ends, and prints the summary.
///
/// # Errors
/// If a file, a plugin or the store cannot be used. A command that fails is no error; the summary counts it.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins), ("in_flight", args.in_flight)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let input = input::open(&args.commands)?;
    let protected = ProtectedFiles::new(&settings, global, [args.commands.as_path()]);
    let outcomes = outcomes::open(args.outcomes.as_deref(), args.force, &protected)?;
    let stop = stop::listen()?;
    let builder = Host::builder().settings(settings.host.clone()).observer(notices::print_notice);
    let builder = if args.watch { builder.follow_plugins() } else { builder };
    let host = builder.start().await?;

    let progress = progress::FeedProgress::start(input.bytes);
    let lines_ahead = settings.in_flight.min(LINES_AHEAD);
    let lines = input::read(input, settings.line_bytes, lines_ahead, new_command_id);
    let started = Instant::now();
    let mut counts = RunCounts::default();
    let feed = feed::Feed {
        engine: Arc::clone(host.engine()),
        in_flight: settings.in_flight,
        rate_limit: feed::RateLimit::new(args.rate),
        stop,
        stopped: Box::pin(host.stopped()),
    };
    let end = feed.run(lines, outcomes, &mut counts, &progress).await;
    let elapsed = started.elapsed();
    progress.finish();
    let stats = host.shutdown().await;

    let summary = counts.summary(elapsed, &stats);
    let outcomes_on_stdout = args.outcomes.is_some_and(|path| path.as_os_str() == "-");
    match (global.json, outcomes_on_stdout) {
        (true, false) => output::print_json(&summary)?,
        (true, true) => eprint!("{}", output::json_line(&summary)?),
        (false, false) => output::print(&summary.text())?,
        (false, true) => eprint!("{}", summary.text()),
    }
    end.exit(&counts)
}
