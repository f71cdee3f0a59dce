//! Errors of stores.

/// A store could not do what a caller asked.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// Another host has claimed the partition since.
    #[error("another host took over writing to this store: stop this one, or stop the other and start this one again")]
    Fenced,
    /// Writes no longer reach the store: its file was moved, removed or replaced while the host was running.
    #[error("the store is lost: {0}")]
    Lost(String),
    /// The store is not the one that was written last: it is an older copy, or its newest commits are missing.
    #[error("the store went back in time: {0}")]
    WentBack(String),
    /// Nothing was written, and nothing can be written until a person makes room or changes permissions.
    #[error("the store cannot write: {0}")]
    Unwritable(String),
    /// The call may succeed when it is repeated: the store was busy, or a connection was lost.
    #[error("the store did not answer: {0}")]
    Transient(String),
    /// The content of the store contradicts itself.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Any other error.
    #[error("the store failed: {0}")]
    Other(String),
}

impl StoreError {
    /// Reports whether the host can never write to the store again, so that it must stop.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Fenced | Self::Lost(_))
    }
}
