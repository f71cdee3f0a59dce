//! `cantus replay`: decides recorded commands again, of a store or a tape, and says what came out otherwise.

mod junit;
mod source;
mod text;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use cantus_model::Timestamp;
use cantus_replay::{
    replay::{MissingComponent, Replay, ReplayConfig, ReplayProgress, ReplayReport, perturbations, replay},
    verify::Waiver,
};

use crate::{
    args::{GlobalArgs, StoreArg},
    atomic_file::{Output, ProtectedFiles, Replace},
    commands::{
        state::parse_time,
        tape::{CountProgress as Bar, Selection},
    },
    exit_codes::{CliError, Exit, OrExit},
    output, render, settings,
};
use source::Source;

const EXAMPLES: &str = "\
Examples:
  cantus replay                         # is the log what its components decide, to the byte?
  cantus replay --plugin flights.wasm   # what would this release have decided otherwise?
  cantus replay day.cantus-tape --plugin flights.wasm --waiver waiver.toml --junit replay.xml
  cantus replay --aggregate Flight --since 2026-11-01T00:00:00Z --sample 10 --seed 1
  cantus replay --perturb               # does anything depend on what it must not?

Every recorded command is decided again, on the state that the recorded events fold to, by the
component that decided it (from the component store, or from the tape) or by --plugin. One
difference does not cascade into the next: see `cantus whatif` for that. The report is the same
to the byte whenever and wherever it is made.

--perturb runs the same again under other hash seeds, with events one by one, in a sandbox for
each stream, on instances made from snapshots for each command, and interpreted instead of
compiled. None of it may matter.

Exit codes: 0 all identical, or waived; 1 differences; 2 it could not be run, or nothing was
selected.";

const MOST_THREADS: i64 = 512;

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A tape to replay, instead of the store
    #[arg(conflicts_with = "store")]
    tape: Option<PathBuf>,
    /// Decide with this component, instead of the recorded ones
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Only commands recorded at this time or later: RFC 3339, or microseconds since 1970
    #[arg(long, value_name = "T", value_parser = parse_time)]
    since: Option<Timestamp>,
    #[command(flatten)]
    selection: Selection,
    /// At most so many commands
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Threads that run guests [default: one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_THREADS))]
    threads: Option<u16>,
    /// A file of allowed differences, as for `cantus plugin verify`
    #[arg(long, value_name = "FILE", requires = "plugin")]
    waiver: Option<PathBuf>,
    /// Run it in other ways as well, which must not matter
    #[arg(long)]
    perturb: bool,
    /// Write the report as JUnit XML too; an earlier one is replaced
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Replace the file of --junit whatever it is, unless it is a store, a plugin or an input
    #[arg(long, requires = "junit")]
    force: bool,
    #[command(flatten)]
    store: StoreArg,
}

/// Replays. Whatever keeps it from running ends with exit code 2.
///
/// # Errors
/// If it could not be run.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    try_run(args, global).await.map_err(|failure| CliError { exit: Exit::Usage, ..failure })
}

async fn try_run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store.clone())])?)?.settings;
    let source = Source::open(&settings, args.tape.as_deref(), args.plugin.as_deref()).await?;
    let junit = args.junit.as_ref().map(|path| {
        let inputs = args.tape.iter().chain(&args.plugin).chain(&args.waiver).map(PathBuf::as_path);
        let replace = Replace::Earlier(junit::is_earlier).or_forced(args.force);
        Output::of(path, replace, &ProtectedFiles::of(&settings, global, inputs))
    });
    let junit = junit.transpose()?;
    let waiver = args.waiver.as_ref().map(|path| {
        let doing = || format!("the waiver {}", path.display());
        let text = std::fs::read_to_string(path).or_exit_while(Exit::Usage, doing)?;
        Waiver::parse(&text).or_exit_while(Exit::Usage, doing)
    });
    let waiver = waiver.transpose()?;
    let components = source.components()?;
    let perturbed = match args.perturb {
        true => perturbations(&components, Some(source.interpreted()?)),
        false => Vec::new(),
    };
    let config = ReplayConfig {
        components,
        candidate: source.candidate(),
        perturbations: perturbed,
        since: args.since,
        events_per_command: settings.host.engine.events_per_command,
    };
    let here = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or_else(here, usize::from);
    let query = source.select(args.selection.query()?).await?;
    let asked = Replay { query, limit: args.limit, threads, config };
    let progress = Arc::new(ReplayProgress::default());
    let showing = tokio::spawn(show(Arc::clone(&progress), args.limit));
    let report = replay(source.history(), asked, &progress).await;
    showing.abort();
    let _ = showing.await;
    let mut report = report.or_exit(Exit::Usage)?;
    check(&report)?;
    if let (Some(waiver), Some(manifest)) = (&waiver, source.manifest()) {
        waiver.apply(&mut report.findings, &manifest.name, &manifest.version).or_exit(Exit::Usage)?;
        for unused in waiver.unused(&report.findings) {
            tracing::warn!("the waiver allows what did not happen: {unused}");
        }
    }
    if global.json {
        output::print_json(&report)?;
    } else {
        output::print(&text::report(&report, &source))?;
    }
    if let Some(output) = junit {
        output.write(junit::xml(&report)?.as_bytes())?;
    }
    Ok(if report.is_clean() { Exit::Ok } else { Exit::Some })
}

/// A run that has shown nothing is no success: a name may be misspelt, or a component gone.
fn check(report: &ReplayReport) -> Result<(), CliError> {
    let needed = |missing: &&MissingComponent| report.candidate.is_none_or(|candidate| missing.component == candidate);
    let missing: Vec<String> = report.missing.iter().filter(needed).map(text::missing).collect();
    if !missing.is_empty() {
        let advice = "name the data folder that has them (--set data=DIR), or a component with --plugin";
        return Err(CliError::new(
            Exit::Usage,
            format!("components that decided are not here: {advice}{}", missing.concat()),
        ));
    }
    match (report.findings.commands, report.folded_only) {
        (0, 0) => Err(CliError::new(Exit::Usage, "nothing was replayed: no recorded command is selected")),
        (0, folded) => {
            let why = format!("nothing was replayed: all {} commands lie before --since", render::count(folded));
            Err(CliError::new(Exit::Usage, why))
        }
        _ => Ok(()),
    }
}

/// A bar with rate and time left, on a terminal. The first total that is told is that of the history.
async fn show(progress: Arc<ReplayProgress>, limit: Option<u64>) {
    let mut bar = None;
    let mut shown = 0;
    loop {
        let (total, done) = (progress.total.load(Relaxed), progress.done.load(Relaxed));
        if total > 0 {
            let most = limit.map_or(total, |limit| limit.min(total));
            bar.get_or_insert_with(|| Bar::start(Some(most))).add((done - shown) as usize);
            shown = done;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
