//! The commands, one file each: arguments, help and execution. Text for people is made with `render`.

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

/// The commands of `cantus`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create, build, inspect and verify plugins, and choose which version is live
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Run a host: read commands as JSON lines, decide them, and store their events
    Run(run::Args),
    /// Show the state of an aggregate, now or at an earlier version or time
    State(state::Args),
    /// Show the events of the whole log or of one aggregate
    Events(events::Args),
    /// Decide recorded commands again, and report every decision that differs
    Replay(replay::Args),
    /// Explain one recorded command: its context, its component, the state before it and its outcome
    Explain(explain::Args),
    /// Show how the history of one aggregate would differ with one command changed
    Whatif(whatif::Args),
    /// Run a command again that made a guest fault, from the bundle that the host kept
    Repro(repro::Args),
    /// Copy recorded history into one file, to replay it elsewhere
    #[command(subcommand)]
    Tape(tape::Tape),
    /// Check a store, or accept a restored one
    #[command(subcommand)]
    Store(store::Store),
    /// Show how Cantus works, with the real flights of one day
    Demo(demo::Args),
    /// Measure this machine, each figure against its ceiling
    Bench(bench::Args),
    /// Show every setting with its value, origin and meaning
    Settings(settings::Args),
}

/// Runs one command. The demo runs other commands with `run_line`.
///
/// # Errors
/// If the command fails.
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
    // The thread that reads stdin may wait forever, so the end does not wait for it.
    runtime.shutdown_background();
    result
}
