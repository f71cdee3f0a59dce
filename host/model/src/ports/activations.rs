//! Recording which component is live.

use async_trait::async_trait;

use super::{Claim, StoreError};
use crate::{Activation, ComponentRecord};

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
