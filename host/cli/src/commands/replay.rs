//! `cantus replay`: decides the recorded commands of a store or a tape again, and reports every decision that differs.

mod junit;
mod text;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use cantus_host::{ReplaySource, components::load_file};
use cantus_model::Timestamp;
use cantus_replay::{
    replay::{MissingComponent, Replay, ReplayConfig, ReplayProgress, ReplayReport, perturbations, replay},
    verify::Waiver,
};

use crate::{
    args::{GlobalArgs, StoreArg},
    commands::{
        state::parse_time,
        tape::{CountProgress, SelectionArgs},
    },
    exit_codes::{CliError, Exit, OrExit},
    output,
    output_file::{Output, ProtectedFiles, ReplacePolicy},
    render,
    settings::{self, Settings},
};
const EXAMPLES: &str = "\
Examples:
  cantus replay                         # does each component decide the same bytes again?
  cantus replay --plugin flights.wasm   # which decisions would be different in this release?
  cantus replay day.cantus-tape --plugin flights.wasm --waiver waiver.toml --junit replay.xml
  cantus replay --aggregate Flight --since 2026-11-01T00:00:00Z --sample 10 --seed 1
  cantus replay --perturb               # does a decision depend on something that is not recorded?

Every recorded command is decided again, on the state that the recorded events fold to. The
component that decided it is read from the component store or from the tape; --plugin takes its
place for all commands. Each decision is compared with the recorded one, and a difference does not
affect later commands (`cantus whatif` is for that). The same history gives the same report, to the
byte, on every machine and with any number of threads.

--perturb runs all of it again in other ways, none of which may change a decision: with other hash
seeds, with events folded one by one, in one sandbox for each stream, with instances restored from
their own snapshots before each command, and interpreted instead of compiled.

Exit codes:
  0  all decisions are identical, or a waiver allows the differences
  1  decisions differ
  2  the replay could not be run, or no command was selected";

const MAX_THREADS: i64 = 512;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The tape to replay, instead of the store
    #[arg(conflicts_with = "store")]
    tape: Option<PathBuf>,
    /// Decide all commands with this component, instead of the recorded ones
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Replay only commands recorded at this time or later: RFC 3339, or microseconds since 1970
    #[arg(long, value_name = "T", value_parser = parse_time)]
    since: Option<Timestamp>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Replay at most this many commands
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// The number of threads that run guests [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_THREADS))]
    threads: Option<u16>,
    /// A file that allows differences; see `cantus plugin verify --help`
    #[arg(long, value_name = "FILE", requires = "plugin")]
    waiver: Option<PathBuf>,
    /// Run the history in other ways as well, none of which may change a decision
    #[arg(long)]
    perturb: bool,
    /// Also write the report as JUnit XML; an earlier report is replaced
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Let --junit replace any file except a store, a plugin and an input
    #[arg(long, requires = "junit")]
    force: bool,
    #[command(flatten)]
    store: StoreArg,
}

/// Replays the history. Every failure ends with exit code 2.
///
/// # Errors
/// If the replay cannot be run.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    try_run(args, global).await.map_err(|failure| CliError { exit: Exit::Usage, ..failure })
}

/// Opens the tape, or else the store of the settings, with the component of `--plugin`.
async fn open_source(
    settings: &Settings,
    tape: Option<&Path>,
    plugin: Option<&Path>,
) -> Result<ReplaySource, CliError> {
    let source = match tape {
        Some(path) => ReplaySource::open_tape(&settings.host, path)?,
        None => ReplaySource::open_store(&settings.host).await?,
    };
    match plugin {
        Some(path) => Ok(source.with_candidate(load_file(&settings.host, path)?)),
        None => Ok(source),
    }
}

async fn try_run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store.clone())])?)?.settings;
    let source = open_source(&settings, args.tape.as_deref(), args.plugin.as_deref()).await?;
    let junit = args.junit.as_ref().map(|path| {
        let inputs = args.tape.iter().chain(&args.plugin).chain(&args.waiver).map(PathBuf::as_path);
        let policy = ReplacePolicy::Earlier(junit::is_earlier).or_forced(args.force);
        Output::new(path, policy, &ProtectedFiles::new(&settings, global, inputs))
    });
    let junit = junit.transpose()?;
    let waiver = args.waiver.as_ref().map(|path| {
        let context = || format!("the waiver {}", path.display());
        let text = std::fs::read_to_string(path).or_exit_with(Exit::Usage, context)?;
        Waiver::parse(&text).or_exit_with(Exit::Usage, context)
    });
    let waiver = waiver.transpose()?;
    let components = source.components()?;
    let perturbations = match args.perturb {
        true => perturbations(&components, Some(source.interpreted_components()?)),
        false => Vec::new(),
    };
    let config = ReplayConfig {
        components,
        candidate: source.candidate(),
        perturbations,
        since: args.since,
        events_per_command: settings.host.engine.events_per_command,
    };
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or_else(processors, usize::from);
    let query = source.select(args.selection.query()?).await?;
    let request = Replay { query, limit: args.limit, threads, config };
    let progress = Arc::new(ReplayProgress::default());
    let bar = tokio::spawn(show_progress(Arc::clone(&progress), args.limit));
    let report = replay(source.history(), request, &progress).await;
    bar.abort();
    let _ = bar.await;
    let mut report = report.or_exit(Exit::Usage)?;
    check_report(&report)?;
    if let (Some(waiver), Some(manifest)) = (&waiver, source.manifest()) {
        waiver.apply(&mut report.findings, &manifest.name, &manifest.version).or_exit(Exit::Usage)?;
        for unused in waiver.unused(&report.findings) {
            tracing::warn!("the waiver allows a difference that did not occur: {unused}");
        }
    }
    if global.json {
        output::print_json(&report)?;
    } else {
        output::print(&text::report_text(&report, source.manifest()))?;
    }
    if let Some(output) = junit {
        output.write(junit::xml(&report)?.as_bytes())?;
    }
    Ok(if report.is_clean() { Exit::Ok } else { Exit::Partial })
}

/// Refuses a report without decisions, because a name may be misspelt or a component missing.
fn check_report(report: &ReplayReport) -> Result<(), CliError> {
    let needed = |missing: &&MissingComponent| report.candidate.is_none_or(|candidate| missing.component == candidate);
    let missing: Vec<String> = report.missing.iter().filter(needed).map(text::missing_text).collect();
    if !missing.is_empty() {
        let advice = "set the data folder that has them with --set data=DIR, or choose a component with --plugin";
        return Err(CliError::new(
            Exit::Usage,
            format!("components that decided the commands are missing: {advice}{}", missing.concat()),
        ));
    }
    match (report.findings.commands, report.folded_only) {
        (0, 0) => Err(CliError::new(Exit::Usage, "nothing was replayed: the selection has no recorded command")),
        (0, folded) => {
            let why =
                format!("nothing was replayed: all {} commands were recorded before --since", render::count(folded));
            Err(CliError::new(Exit::Usage, why))
        }
        _ => Ok(()),
    }
}

/// Shows a progress bar on a terminal.
async fn show_progress(progress: Arc<ReplayProgress>, limit: Option<u64>) {
    let mut bar = None;
    let mut counted = 0;
    loop {
        let (total, done) = (progress.total.load(Relaxed), progress.done.load(Relaxed));
        if total > 0 {
            let count = limit.map_or(total, |limit| limit.min(total));
            bar.get_or_insert_with(|| CountProgress::start(Some(count))).add((done - counted) as usize);
            counted = done;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
