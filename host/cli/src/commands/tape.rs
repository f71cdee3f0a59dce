//! `cantus tape`: recorded history in one file, cut from a store and looked into.

mod about;
mod components;
mod failure;
mod progress;
mod record;
mod redaction;
mod selection;
mod show;

use clap::Subcommand;
pub(in crate::commands) use progress::CountProgress;
pub(in crate::commands) use selection::Selection;

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit},
};

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Tape {
    /// Cut recorded history, all or some of it, from a store into one file
    Record(record::Args),
    /// Check a tape, and show what is on it
    Show(show::Args),
}

/// Runs one of them.
///
/// # Errors
/// If it could not do what it is for.
pub(crate) async fn run(tape: Tape, global: &GlobalArgs) -> Result<Exit, CliError> {
    match tape {
        Tape::Record(args) => record::run(args, global).await,
        Tape::Show(args) => show::run(&args, global),
    }
}
