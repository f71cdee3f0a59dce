//! The errors of tapes.

use std::io;

use cantus_model::ports::StoreError;

use super::{FORMAT, redact::RedactionError};

/// A tape cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file is no tape.
    #[error("this is not a tape")]
    NotATape,
    /// A newer Cantus wrote it, in a format that this build does not know.
    #[error("the tape was made by a newer Cantus: it has format {0}, and this one reads up to format {FORMAT}")]
    Newer(u32),
    /// It does not end with an end record.
    #[error("the tape is cut off: it does not end with its end record")]
    Truncated,
    /// Its bytes are not those that were written.
    #[error("the tape is damaged in block {block}, at byte {at}: {what}")]
    Damaged {
        /// The number of the block; the header is block 0.
        block: u64,
        /// The position of the block in the file.
        at: u64,
        /// The reason.
        what: &'static str,
    },
    /// The history contradicts itself, or a part of it is too large.
    #[error("this history cannot be written on a tape: {0}")]
    Unfit(String),
    /// It could not be redacted.
    #[error(transparent)]
    Redaction(#[from] RedactionError),
    /// The file cannot be read.
    #[error("the tape cannot be read: {0}")]
    Read(io::Error),
    /// The file cannot be written.
    #[error("the tape cannot be written: {0}")]
    Write(io::Error),
}

impl From<TapeError> for StoreError {
    fn from(error: TapeError) -> Self {
        let text = error.to_string();
        match error {
            TapeError::NotATape | TapeError::Truncated | TapeError::Damaged { .. } => Self::Corrupt(text),
            TapeError::Write(_) => Self::Unwritable(text),
            TapeError::Newer(_) | TapeError::Unfit(_) | TapeError::Redaction(_) | TapeError::Read(_) => {
                Self::Other(text)
            }
        }
    }
}
