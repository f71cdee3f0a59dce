//! `cantus tape`: recorded history in one file, cut from a store and looked into.

mod about;
mod components;
mod progress;
mod record;
mod redaction;
mod selection;
mod show;

use std::path::Path;

use cantus_store::tape::TapeError;
use clap::Subcommand;
pub(in crate::commands) use progress::Progress;
pub(in crate::commands) use selection::Selection;

use crate::{
    args::Global,
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
pub(crate) async fn run(tape: Tape, global: &Global) -> Result<Exit, CliError> {
    match tape {
        Tape::Record(args) => record::run(args, global).await,
        Tape::Show(args) => show::run(&args, global),
    }
}

/// What is wrong with the tape at `path`.
fn failure(path: &Path, error: &TapeError) -> CliError {
    let exit = match error {
        TapeError::NotATape | TapeError::Newer(_) | TapeError::Truncated | TapeError::Damaged { .. } => Exit::Usage,
        TapeError::Read(_) | TapeError::Redaction(_) => Exit::Usage,
        TapeError::Unfit(_) => Exit::Store,
        TapeError::Write(_) => Exit::Machine,
    };
    CliError::new(exit, format!("{}: {error}", path.display()))
}
