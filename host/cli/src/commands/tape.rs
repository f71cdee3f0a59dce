//! `cantus tape`: copies recorded history from a store into one file, and shows the contents of such a file.

mod components;
mod description;
mod progress;
mod record;
mod redaction;
mod selection;
mod show;
mod tape_error;

use clap::Subcommand;
pub(in crate::commands) use progress::CountProgress;
pub(in crate::commands) use selection::SelectionArgs;

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit},
};

/// The subcommands of `cantus tape`.
#[derive(Debug, Subcommand)]
pub(crate) enum Tape {
    /// Copy all or some recorded history from a store into one file
    Record(record::Args),
    /// Check a tape, and show its contents
    Show(show::Args),
}

/// Runs a subcommand.
///
/// # Errors
/// If the subcommand fails.
pub(crate) async fn run(tape: Tape, global: &GlobalArgs) -> Result<Exit, CliError> {
    match tape {
        Tape::Record(args) => record::run(args, global).await,
        Tape::Show(args) => show::run(&args, global),
    }
}
