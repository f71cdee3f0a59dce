//! The command line. Parsing has no side effects; the arguments of each command are in its file.

use clap::Parser;

use crate::{
    args::GlobalArgs,
    commands::{self, Command},
    exit_codes::{self, CliError, Exit, OrExit},
    output::OutputFormat,
};

/// Hosts domain logic as WebAssembly.
#[derive(Debug, Parser)]
#[command(name = "cantus", version, propagate_version = true, max_term_width = 100)]
#[command(about = "Hosts domain logic as WebAssembly: it decides commands and stores their events durably")]
#[command(after_help = exit_codes::TABLE, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// If the command fails.
    pub(crate) fn run(self) -> Result<Exit, CliError> {
        commands::run(self.command, &self.global, run_line)
    }
}

/// Runs another command line of this program.
fn run_line(args: &[&str], format: OutputFormat) -> Result<Exit, CliError> {
    let cli = Cli::try_parse_from(std::iter::once("cantus").chain(args.iter().copied())).or_exit(Exit::Usage)?;
    Cli { global: GlobalArgs { json: format == OutputFormat::Json, ..cli.global }, ..cli }.run()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// clap breaks lines that are longer, unless it knows the width of the terminal.
    const MAX_COLUMNS: usize = 100;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_that_fit_the_terminal() {
        fn check(command: &clap::Command) {
            let subcommands: Vec<_> = command.get_subcommands().collect();
            for subcommand in &subcommands {
                check(subcommand);
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let broken: Vec<_> = help.lines().filter(|line| line.chars().count() > MAX_COLUMNS).collect();
            assert!(broken.is_empty(), "{broken:#?}");
            assert!(
                !subcommands.is_empty() || help.starts_with("Examples:"),
                "`{}` has no examples",
                command.get_name()
            );
        }
        check(&Cli::command());
    }
}
