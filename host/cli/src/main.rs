//! The binary `cantus`.
//!
//! Each command, in a file of its own under [`commands`], has its arguments ([`cli`]), resolves the settings ([`settings`])
//! and calls `cantus_host`.

mod args;
mod cli;
mod commands;
mod exit_codes;
mod findings;
mod logs;
mod notices;
mod output;
mod output_file;
mod render;
mod settings;

use std::process::ExitCode;

use clap::Parser;
use exit_codes::{CliError, Exit};
use output::OutputFormat;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report_arguments(&error),
    };
    let format = cli.global.format();
    let exit = match run(cli) {
        Ok(exit) => exit,
        // The reader of the output has closed it on purpose, for example `head`.
        Err(failure) if failure.is_broken_pipe() => Exit::Ok,
        Err(failure) => {
            eprintln!("{}", render::failure(&failure, format));
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// Reports invalid arguments, or prints the help that was asked for.
fn report_arguments(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        let failure = CliError::new(Exit::Usage, line.strip_prefix("error: ").unwrap_or(line));
        eprintln!("{}", render::failure(&failure, OutputFormat::Json));
        return ExitCode::from(Exit::Usage.code());
    }
    error.exit()
}

fn run(cli: cli::Cli) -> Result<Exit, CliError> {
    let _flush_logs = logs::start(&cli.global.log)?;
    cli.run()
}
