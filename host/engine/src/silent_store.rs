//! The error of a store that does not answer in time.

use std::time::Duration;

use cantus_model::ports::StoreError;

/// Tells those who wait that the store does not answer. It may still do what it was asked.
pub(crate) fn silent_store(timeout: Duration) -> StoreError {
    let ms = timeout.as_millis();
    StoreError::Transient(format!(
        "nothing came within {ms} ms (`engine.commit_timeout_ms`); the command may or may not be recorded, send it again under the \
         same id"
    ))
}
