//! Errors of a store that does not answer in time.

use std::time::Duration;

use cantus_model::ports::StoreError;

/// The error for commands that the store has not answered in time. It may still commit them.
pub(crate) fn commit_timed_out(timeout: Duration) -> StoreError {
    let ms = timeout.as_millis();
    StoreError::Transient(format!(
        "nothing came within {ms} ms (`engine.commit_timeout_ms`); the command may or may not be recorded, send it again under the \
         same id"
    ))
}

/// The error for a reading that the store has not answered in time.
pub(crate) fn read_timed_out(timeout: Duration) -> StoreError {
    let ms = timeout.as_millis();
    StoreError::Transient(format!("nothing was read within {ms} ms (`engine.read_timeout_ms`)"))
}
