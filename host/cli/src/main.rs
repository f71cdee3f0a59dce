//! The binary `cantus`.
//!
//! Three layers, each knowing only the one before it: arguments as typed ([`cli`]), settings as resolved
//! ([`settings`]), and `cantus_host`. Then one file per command under [`commands`].

mod args;
mod atomic_file;
mod cli;
mod commands;
mod exit_codes;
mod findings;
mod logs;
mod notices;
mod output;
mod render;
mod settings;
mod store_access;

use std::process::ExitCode;

use clap::Parser;
use exit_codes::{CliError, Exit};

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let json = cli.global.json;
    let exit = match run(cli) {
        Ok(exit) => exit,
        // Whoever read our output has seen enough.
        Err(failure) if failure.is_broken_pipe() => Exit::Ok,
        Err(failure) => {
            eprintln!("{}", render::failure(&failure, json));
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// Arguments that make no sense; or a call for help, which clap answers.
fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") {
        let text = error.to_string();
        let what = text.lines().next().unwrap_or_default();
        let failure = CliError::new(Exit::Usage, what.strip_prefix("error: ").unwrap_or(what));
        eprintln!("{}", render::failure(&failure, true));
        return ExitCode::from(Exit::Usage.code());
    }
    error.exit()
}

fn run(cli: cli::Cli) -> Result<Exit, CliError> {
    let _last_lines = logs::start(&cli.global.log)?;
    cli.run()
}
