//! The command line as typed. Parsing has no side effects; each command's own arguments stand in its file.

use clap::Parser;

use crate::{
    args::GlobalArgs,
    commands::{self, Command},
    exit_codes::{self, CliError, Exit, OrExit},
};

/// Domain logic as WebAssembly, decided and stored.
#[derive(Debug, Parser)]
#[command(name = "cantus", version, propagate_version = true, max_term_width = 100)]
#[command(about = "Hosts domain logic as WebAssembly: commands in, events out, durably stored")]
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
    /// If it could not do what it is for.
    pub(crate) fn run(self) -> Result<Exit, CliError> {
        commands::run(self.command, &self.global, run_line)
    }
}

/// Runs a command line as if it had been typed.
fn run_line(args: &[&str], json: bool) -> Result<Exit, CliError> {
    let cli = Cli::try_parse_from(std::iter::once("cantus").chain(args.iter().copied())).or_exit(Exit::Usage)?;
    Cli { global: GlobalArgs { json, ..cli.global }, ..cli }.run()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// clap breaks longer lines, unless it is told how wide the terminal is.
    const MOST_COLUMNS: usize = 100;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_examples_that_are_not_broken_over_lines() {
        fn check(command: &clap::Command) {
            let verbs: Vec<_> = command.get_subcommands().collect();
            for verb in &verbs {
                check(verb);
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let broken: Vec<_> = help.lines().filter(|line| line.chars().count() > MOST_COLUMNS).collect();
            assert!(broken.is_empty(), "{broken:#?}");
            assert!(!verbs.is_empty() || help.starts_with("Examples:"), "`{}` has no examples", command.get_name());
        }
        check(&Cli::command());
    }
}
