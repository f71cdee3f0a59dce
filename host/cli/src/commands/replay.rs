//! `cantus replay`: decides recorded commands again, of a store or a tape, and says what came out otherwise.

mod junit;
mod source;
mod text;

use std::{
    num::NonZeroU64,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use cantus_engine::{
    replay::{Cast, Progress, Replay, ReplayReport, perturbations, replay},
    verify::Waiver,
};
use cantus_model::{AggregateRef, HistoryQuery, Sample, Timestamp};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    args::{Global, StoreArg},
    commands::state::parse_time,
    exit_codes::{Exit, Failure, OrExit},
    output, settings,
};
use source::Source;

const EXAMPLES: &str = "\
Examples:
  cantus replay                         # is the log what its components decide, to the byte?
  cantus replay --plugin flights.wasm   # what would this release have decided otherwise?
  cantus replay day.cantus-tape --plugin flights.wasm --waiver waiver.toml --junit replay.xml
  cantus replay --aggregate Flight --since 2013-01-01T12:00:00Z --sample 10 --seed 1
  cantus replay --perturb               # does anything depend on what it must not?

Every recorded command is decided again, on the state that the recorded events fold to, by the
component that decided it (from the component store, or from the tape) or by --plugin. One
difference does not cascade into the next: see `cantus whatif` for that. The report is the same
to the byte whenever and wherever it is made.

--perturb runs the same again under other hash seeds, with events one by one, in a sandbox for
each stream, on instances made from snapshots for each command, and interpreted instead of
compiled. None of it may matter.

Exit codes: 0 all identical, or waived; 1 differences; 2 it could not be run.";

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
    /// Only aggregates of this type, or only this one
    #[arg(long, value_name = "TYPE[/ID]")]
    aggregate: Option<String>,
    /// Only so many in a hundred of the streams
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    sample: Option<u32>,
    /// Which of them: another seed takes others
    #[arg(long, value_name = "N", default_value_t = 0, requires = "sample")]
    seed: u64,
    /// At most so many commands
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// Threads that run guests [default: one a processor]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// A file of allowed differences, as for `cantus plugin verify`
    #[arg(long, value_name = "FILE", requires = "plugin")]
    waiver: Option<PathBuf>,
    /// Run it in other ways as well, which must not matter
    #[arg(long)]
    perturb: bool,
    /// Write the report as JUnit XML too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArg,
}

/// Hundredths as millionths.
fn percent(text: &str) -> Result<u32, String> {
    let percent: f64 = text.trim_end_matches('%').parse().map_err(|_| "write a number, such as 10".to_owned())?;
    match percent > 0.0 && percent <= 100.0 {
        true => Ok((percent * 10_000.0).round() as u32),
        false => Err("it must be more than 0 and at most 100".into()),
    }
}

/// Replays. Whatever keeps it from running ends with exit code 2.
///
/// # Errors
/// If it could not be run.
pub(crate) async fn run(args: Args, global: &Global) -> Result<Exit, Failure> {
    try_run(args, global).await.map_err(|failure| Failure { exit: Exit::Usage, ..failure })
}

async fn try_run(args: Args, global: &Global) -> Result<Exit, Failure> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store.clone())])?)?.settings;
    let source = Source::open(&settings, args.tape.as_deref(), args.plugin.as_deref()).await?;
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
    let cast = Cast {
        components,
        candidate: source.candidate(),
        perturbations: perturbed,
        since: args.since,
        events_per_command: settings.engine.events_per_command,
    };
    let threads = args.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
    let threads = threads.unwrap_or(1).max(1);
    let asked = Replay { query: query(&args), limit: args.limit.map(NonZeroU64::get), threads, cast };
    let progress = Arc::new(Progress::default());
    let showing = tokio::spawn(show(Arc::clone(&progress)));
    let report = replay(source.history(), asked, &progress).await;
    showing.abort();
    let _ = showing.await;
    let mut report = report.or_exit(Exit::Usage)?;
    if let (Some(waiver), Some(manifest)) = (&waiver, source.manifest()) {
        waiver.apply(&mut report.findings, &manifest.name, &manifest.version).or_exit(Exit::Usage)?;
    }
    if let Some(path) = &args.junit {
        let doing = || format!("writing {}", path.display());
        std::fs::write(path, junit::xml(&report)?).or_exit_while(Exit::Usage, doing)?;
    }
    check_complete(&report)?;
    if global.json {
        output::print_json(&report)?;
    } else {
        output::print(&text::report(&report, &source))?;
    }
    Ok(if report.is_clean() { Exit::Ok } else { Exit::Some })
}

fn query(args: &Args) -> HistoryQuery {
    let mut query = HistoryQuery::default();
    match args.aggregate.as_ref().map(|named| named.split_once('/').ok_or(named)) {
        Some(Ok((kind, id))) => query.aggregate = Some(AggregateRef::new(kind, id)),
        Some(Err(kind)) => query.aggregate_types.push(kind.clone()),
        None => {}
    }
    query.sample = args.sample.map(|per_million| Sample { seed: args.seed, per_million });
    query
}

/// Without the components that decided there is nothing to compare, unless a candidate decides.
fn check_complete(report: &ReplayReport) -> Result<(), Failure> {
    if report.candidate.is_some() || report.missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = report.missing.iter().map(|digest| digest.short()).collect();
    let advice = "name the data folder that has them (--set data=DIR), or a component with --plugin";
    Err(Failure::new(Exit::Usage, format!("components that decided are not here: {}: {advice}", missing.join(", "))))
}

/// A bar with rate and time left, on a terminal.
async fn show(progress: Arc<Progress>) {
    use std::io::IsTerminal as _;
    if !std::io::stderr().is_terminal() {
        return;
    }
    let template = "{wide_bar:.cyan/blue} {percent:>3}%  {human_pos} commands, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = Finished(output::show(ProgressBar::new(0).with_style(style)));
    loop {
        bar.0.set_length(progress.total.load(Relaxed));
        bar.0.set_position(progress.done.load(Relaxed));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Takes the bar away when the task is ended.
struct Finished(ProgressBar);

impl Drop for Finished {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
