//! Errors of a start.

use cantus_model::{DuplicateAggregate, ports::StoreError};

/// The reason why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be claimed for writing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two plugins host one aggregate type.
    #[error(transparent)]
    DuplicateAggregate(#[from] DuplicateAggregate),
    /// The operating system could not start a thread.
    #[error("the operating system cannot start a thread of the engine: {0}")]
    Thread(#[from] std::io::Error),
}
