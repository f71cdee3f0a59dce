//! Why a tape cannot be read or written.

use std::io;

use cantus_model::ports::StoreError;

use super::{FORMAT, RedactionError};

/// Why a tape cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file is something else.
    #[error("this is not a tape")]
    NotATape,
    /// Its format is not known here.
    #[error("the tape was made by a newer Cantus: it has format {0}, and this one reads up to format {FORMAT}")]
    Newer(u32),
    /// It does not end as a tape does.
    #[error("the tape is cut off: it does not end with its end record")]
    Truncated,
    /// It is not what was written.
    #[error("the tape is damaged in block {block}, at byte {at}: {what}")]
    Damaged {
        /// Counted from 0, the header.
        block: u64,
        /// Where the block begins in the file.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The history contradicts itself, or something in it is too large.
    #[error("this history does not go on a tape: {0}")]
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

/// What is wrong with some bytes, without where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage(pub(super) &'static str);
