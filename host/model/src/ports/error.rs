//! Errors of stores.

/// Why a store could not do as asked.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// Another host has taken the partition for writing since.
    #[error("another host took over writing to this store: stop this one, or stop the other and start this one again")]
    Fenced,
    /// What is written no longer reaches the store: its file was moved, removed or replaced under the running host.
    #[error("the store is lost: {0}")]
    Lost(String),
    /// It is not the store that was written last: an older copy, or one whose newest commits are gone.
    #[error("the store went back in time: {0}")]
    WentBack(String),
    /// Nothing was written, and nothing can be until somebody makes room or changes permissions.
    #[error("the store cannot write: {0}")]
    Unwritable(String),
    /// It may work when tried again: busy, connection lost.
    #[error("the store did not answer: {0}")]
    Transient(String),
    /// What is stored contradicts itself.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Anything else.
    #[error("the store failed: {0}")]
    Other(String),
}

impl StoreError {
    /// Whether a host that meets it can write nothing more, ever: it has to stop.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Fenced | Self::Lost(_))
    }
}
