//! Reading history to execute it again, and recording which component is live.

use async_trait::async_trait;

use super::{Claim, StoreError};
use crate::{Activation, ComponentRecord, HistoryPage, HistoryQuery};

/// Recorded history: a store, or a tape.
#[async_trait]
pub trait HistorySource: Send + Sync {
    /// Reads the streams that `query` selects. What is recorded after the call is not in it.
    ///
    /// # Errors
    /// If it cannot be read.
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError>;
}

/// A reading of history under way: memory is bounded whatever its size.
#[async_trait]
pub trait History: Send {
    /// How many commands there are in all, where that is known: for showing how far it has come.
    fn commands(&self) -> Option<u64>;

    /// The next page. The streams come one after another, in the order in which they began.
    ///
    /// # Errors
    /// If it cannot be read, or contradicts itself.
    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError>;
}

/// Who appends to the log of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationAuthor {
    /// A host that owns a partition. It is [`StoreError::Fenced`] once another host has claimed that.
    Host(Claim),
    /// A person at the command line, beside whatever host is running.
    Operator,
}

/// The log of activations: which component is live for which plugin name.
#[async_trait]
pub trait ActivationLog: Send + Sync {
    /// Appends, durably, and keeps what is known of the component that becomes live. Returns false, and writes nothing,
    /// if `activation.seq` is not the next one: somebody else appended meanwhile.
    ///
    /// # Errors
    /// If it cannot be written, the author is fenced, or a component of that name and version has other bytes.
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError>;

    /// All activations with a sequence number above `after`, oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError>;

    /// Every component that was ever live, in the order in which it was first.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError>;
}
