//! One file per command: its arguments, what it does, its help. What it prints for people comes from `render`.

pub(crate) mod bench;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod plugin;
pub(crate) mod replay;
pub(crate) mod repro;
pub(crate) mod run;
pub(crate) mod settings;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod tape;
pub(crate) mod whatif;

use clap::Subcommand;

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit, OrExit},
};

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make and build plugins, look into them, and decide which are live
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Feed commands, one JSON object a line, and store what is decided
    Run(run::Args),
    /// Show an aggregate's state, now or at an earlier version or time
    State(state::Args),
    /// Show events, of the whole log or of one aggregate
    Events(events::Args),
    /// Decide recorded commands again, and say what comes out otherwise
    Replay(replay::Args),
    /// Explain one command: what was asked, who decided, on which state, and what came of it
    Explain(explain::Args),
    /// Ask what would have become of an aggregate if a command had been another one
    Whatif(whatif::Args),
    /// Run what a guest faulted on, from the bundle that the host kept of it
    Repro(repro::Args),
    /// Put recorded history into one file, to replay it elsewhere
    #[command(subcommand)]
    Tape(tape::Tape),
    /// Check a store, and say which one is the right one
    #[command(subcommand)]
    Store(store::Store),
    /// Tell a day of real flights as a story
    Demo(demo::Args),
    /// Measure what this machine can do, each figure against its ceiling
    Bench(bench::Args),
    /// Show every setting, with its value and where it came from
    Settings(settings::Args),
}

/// Runs one command. The demo runs others by `run_line`.
///
/// # Errors
/// If it could not do what it is for.
pub(crate) fn run(command: Command, global: &GlobalArgs, run_line: demo::RunLine) -> Result<Exit, CliError> {
    match command {
        Command::Plugin(plugin) => block_on(plugin::run(plugin, global)),
        Command::Run(args) => block_on(run::run(args, global)),
        Command::State(args) => block_on(state::run(args, global)),
        Command::Events(args) => block_on(events::run(args, global)),
        Command::Explain(args) => block_on(explain::run(args, global)),
        Command::Whatif(args) => block_on(whatif::run(args, global)),
        Command::Repro(args) => repro::run(args, global),
        Command::Store(store) => block_on(store::run(store, global)),
        Command::Tape(tape) => block_on(tape::run(tape, global)),
        Command::Replay(args) => block_on(replay::run(args, global)),
        Command::Demo(args) => demo::run(&args, global, run_line),
        Command::Bench(args) => block_on(bench::run(args, global)),
        Command::Settings(args) => settings::run(&args, global),
    }
}

fn block_on(work: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().or_exit(Exit::Machine)?;
    let result = runtime.block_on(work);
    // A thread may still wait for a line that never comes.
    runtime.shutdown_background();
    result
}
