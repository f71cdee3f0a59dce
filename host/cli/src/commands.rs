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

use crate::{
    args::{Command, Global},
    exit_codes::{CliError, Exit, OrExit},
};

/// Runs one command.
///
/// # Errors
/// If it could not do what it is for.
pub(crate) fn run(command: Command, global: &Global) -> Result<Exit, CliError> {
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
        Command::Demo(args) => demo::run(&args, global),
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
