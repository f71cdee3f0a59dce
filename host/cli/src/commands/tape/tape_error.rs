//! The exit codes of errors of tapes.

use std::path::Path;

use cantus_store::tape::TapeError;

use crate::exit_codes::{CliError, Exit};

/// Converts the error of the tape at `path`.
pub(super) fn tape_error(path: &Path, error: &TapeError) -> CliError {
    let exit = match error {
        TapeError::NotATape | TapeError::Newer(_) | TapeError::Truncated | TapeError::Damaged { .. } => Exit::Usage,
        TapeError::Read(_) | TapeError::Redaction(_) => Exit::Usage,
        TapeError::Unfit(_) => Exit::Store,
        TapeError::Write(_) => Exit::Machine,
    };
    CliError::new(exit, format!("{}: {error}", path.display()))
}
