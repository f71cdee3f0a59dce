//! `cantus run`: feeds commands, one JSON object a line, and stores what is decided.

mod answer;
mod feed;
pub(crate) mod input;
mod order;
mod outcomes;
mod progress;
mod stop;
mod tally;

use std::{path::PathBuf, sync::Arc, time::Instant};

use cantus_host::{Host, wire::new_command_id};

use crate::{
    args::{GlobalArgs, PluginsArg, StoreArg},
    atomic_file::ProtectedFiles,
    exit_codes::{CliError, Exit},
    notices, output, settings,
};
use tally::Tally;

const EXAMPLES: &str = "\
Examples:
  cantus run --commands commands.jsonl
  cantus run --commands commands.jsonl --outcomes outcomes.jsonl
  cantus run --commands commands.jsonl --rate 1000 --watch
  echo '{\"aggregate\":\"Counter\",\"aggregate_id\":\"c-1\",\"command\":\"Increment\",\"payload\":{}}' \\
    | cantus run --commands - --outcomes -

A line is one JSON object:
  aggregate, aggregate_id  whom the command is for (required)
  command, payload         what is asked (required); the payload is handed over byte by byte
  id                       unique for ever: the same id again gets the stored outcome.
                           Made up if absent, so give ids if you may feed the file again
  version                  of the command's schema; the newest if absent
  expected_version         the stream version that must hold
  actor, correlation_id, causation_id, metadata (an object of texts)

Commands for one aggregate are decided in the order of their lines. Outcomes are written
as they become durable, each with its line number: those of one aggregate in the order of its
lines. A line that makes no sense is reported and skipped. Ctrl-C stops reading, waits for what
is on its way, and prints the summary; Ctrl-C again stops at once.

An earlier file of outcomes is replaced at the start; any other file only with --force, and a
store, a plugin or an input never.

A new file in the folder of plugins is verified before it goes live (see `cantus plugin
verify --help`), at the start and, with --watch, at any time; the version before stays live
if it is refused. With --watch the host also follows `cantus plugin activate` and
`rollback`, and goes back by itself from a component that keeps faulting.

One host writes to a store at a time: a second one takes over, and the first stops.";

/// Lines that are read ahead at most, however many commands may be on their way: each may be as long as `line_bytes`.
const LINES_AHEAD: usize = 256;

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file of commands, or - for stdin
    #[arg(long, value_name = "FILE|-")]
    commands: PathBuf,
    /// Write one JSON line for each command here, or - for stdout; an earlier such file is replaced
    #[arg(long, value_name = "FILE|-")]
    outcomes: Option<PathBuf>,
    /// Replace the file of --outcomes whatever it is, unless it is a store, a plugin or an input
    #[arg(long, requires = "outcomes")]
    force: bool,
    /// Commands on their way at once [env: CANTUS_IN_FLIGHT] [default: 256]
    #[arg(long, value_name = "N")]
    in_flight: Option<String>,
    /// At most this many commands a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Follow the folder of plugins while commands flow: what is dropped there is verified and goes live
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Feeds them all.
///
/// # Errors
/// If a file, a plugin or the store cannot be used. What became of the commands is in the summary.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins), ("in_flight", args.in_flight)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let input = input::open(&args.commands)?;
    let protected = ProtectedFiles::of(&settings, global, [args.commands.as_path()]);
    let outcomes = outcomes::open(args.outcomes.as_deref(), args.force, &protected)?;
    let stop = stop::listen()?;
    let builder = Host::builder().settings(settings.host.clone()).observer(notices::tell);
    let builder = if args.watch { builder.follow_plugins() } else { builder };
    let host = builder.start().await?;

    let progress = progress::FeedProgress::start(input.bytes);
    let ahead = settings.in_flight.min(LINES_AHEAD);
    let lines = input::read(input, settings.line_bytes, ahead, new_command_id);
    let started = Instant::now();
    let mut tally = Tally::default();
    let feed = feed::Feed {
        engine: Arc::clone(host.engine()),
        in_flight: settings.in_flight,
        pace: feed::Pace::new(args.rate),
        stop,
        stopped: Box::pin(host.stopped()),
    };
    let ended = feed.run(lines, outcomes, &mut tally, &progress).await;
    let elapsed = started.elapsed();
    progress.finish();
    let stats = host.shutdown().await;

    let summary = tally.summary(elapsed, &stats);
    let outcomes_on_stdout = args.outcomes.is_some_and(|path| path.as_os_str() == "-");
    match (global.json, outcomes_on_stdout) {
        (true, false) => output::print_json(&summary)?,
        (true, true) => eprint!("{}", output::json_line(&summary)?),
        (false, false) => output::print(&summary.text())?,
        (false, true) => eprint!("{}", summary.text()),
    }
    ended.exit(&tally)
}
