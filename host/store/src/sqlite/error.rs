//! What an error of SQLite means for the caller.

use cantus_model::ports::StoreError;
use sqlx::Error;

/// SQLite's primary result codes.
mod code {
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOTADB: i32 = 26;
}

/// Turns sqlx's error into the port's, with a text that says what to do.
pub(super) fn explain(error: Error) -> StoreError {
    match error {
        Error::Database(failure) => {
            let code = failure.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default();
            by_code(code & 0xff, failure.message())
        }
        Error::PoolTimedOut => StoreError::Transient("all readers are busy".into()),
        Error::WorkerCrashed => StoreError::Transient("the connection broke off".into()),
        Error::ColumnDecode { .. } | Error::Decode(_) => StoreError::Corrupt(error.to_string()),
        _ => StoreError::Other(error.to_string()),
    }
}

fn by_code(code: i32, message: &str) -> StoreError {
    match code {
        code::FULL => StoreError::Unwritable(format!("{message}: make room on its disk, or raise its limit of size")),
        code::READONLY | code::PERM => {
            StoreError::Unwritable(format!("{message}: allow this user to write the file and its folder"))
        }
        code::IOERR => StoreError::Unwritable(format!("{message}: check its disk, and that it has room")),
        code::CANTOPEN => {
            StoreError::Unwritable(format!("{message}: check the path, and that this user may write the folder"))
        }
        code::BUSY | code::LOCKED => StoreError::Transient(format!("{message}: another process is writing to it")),
        code::CORRUPT | code::NOTADB => StoreError::Corrupt(format!("{message}: restore it from a backup")),
        code::CONSTRAINT => StoreError::Corrupt(format!("{message}: a record is where the next one belongs")),
        _ => StoreError::Other(format!("{message} (SQLite code {code})")),
    }
}
