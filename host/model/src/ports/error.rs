//! Errors of stores.

/// An error of a store.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// Another host has claimed the partition since.
    #[error("another host took over writing to this store: stop this one, or stop the other and start this one again")]
    Fenced,
    /// Writes no longer reach the store: its file was moved, removed or replaced under the running host.
    #[error("the store is lost: {0}")]
    Lost(String),
    /// It is not the store that was written last, but an older copy, or one whose newest commits are missing.
    #[error("the store went back in time: {0}")]
    WentBack(String),
    /// Nothing was written, and no write can succeed until an operator makes room or changes permissions.
    #[error("the store cannot write: {0}")]
    Unwritable(String),
    /// A later attempt may succeed: the store is busy, or the connection was lost.
    #[error("the store did not answer: {0}")]
    Transient(String),
    /// The stored data contradicts itself.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Any other error.
    #[error("the store failed: {0}")]
    Other(String),
}

impl StoreError {
    /// Reports whether the error ends every further write of this host, so that it has to stop.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Fenced | Self::Lost(_))
    }
}
