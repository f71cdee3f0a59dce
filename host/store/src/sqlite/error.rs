//! Turns errors of SQLite into the errors of the ports.

use cantus_model::ports::StoreError;
use rusqlite::{Error, ErrorCode};

/// Turns an error of rusqlite into the port's error. Its message says what to do.
pub(super) fn explain(error: Error) -> StoreError {
    match &error {
        Error::SqliteFailure(failure, text) => {
            let message = text.clone().unwrap_or_else(|| failure.to_string());
            explain_code(failure.code, &message)
        }
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..)
        | Error::InvalidColumnType(..) => StoreError::Corrupt(format!("a value does not decode: {error}")),
        Error::QueryReturnedNoRows => StoreError::Corrupt("a row is missing that every store has".into()),
        Error::ToSqlConversionFailure(why) => StoreError::Other(format!("a value cannot be stored: {why}")),
        _ => StoreError::Other(error.to_string()),
    }
}

fn explain_code(code: ErrorCode, message: &str) -> StoreError {
    match code {
        ErrorCode::DiskFull => {
            StoreError::Unwritable(format!("{message}: make room on its disk, or raise its size limit"))
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            StoreError::Unwritable(format!("{message}: allow this user to write the file and its folder"))
        }
        ErrorCode::SystemIoFailure => {
            StoreError::Unwritable(format!("{message}: check its disk, and that it has room"))
        }
        ErrorCode::CannotOpen => {
            StoreError::Unwritable(format!("{message}: check the path, and that this user may write the folder"))
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            StoreError::Transient(format!("{message}: another process is writing to it"))
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            StoreError::Corrupt(format!("{message}: restore it from a backup"))
        }
        ErrorCode::ConstraintViolation => {
            StoreError::Corrupt(format!("{message}: a record has the key of the next one"))
        }
        code => StoreError::Other(format!("{message} (SQLite: {code:?})")),
    }
}

/// The content of a row does not match its checksum.
pub(super) fn checksum_differs(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!(
        "{what} is not what was written: its checksum differs; `cantus store check` lists all damage"
    ))
}

/// Refuses a gap: a reader that went on would never see the missing rows.
pub(super) fn contiguous(expected: u64, found: u64, what: impl Fn() -> String) -> Result<(), StoreError> {
    match expected == found {
        true => Ok(()),
        false => Err(StoreError::Corrupt(format!("{} {expected} is missing, the next is {found}", what()))),
    }
}
