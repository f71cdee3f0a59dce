//! Records which component is live.

use async_trait::async_trait;

use super::{Claim, StoreError};
use crate::{Activation, ComponentRecord};

/// The author of an entry in the log of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationAuthor {
    /// A host that owns a partition. It gets [`StoreError::Fenced`] once another host has claimed that partition.
    Host(Claim),
    /// A person at the command line, beside whatever host is running.
    Operator,
}

/// The log of activations: which component is live for which plugin name.
#[async_trait]
pub trait ActivationLog: Send + Sync {
    /// Appends an activation durably, and stores the record of the component that becomes live. Returns false, and
    /// writes nothing, if `activation.seq` is not the next one: another author appended meanwhile.
    ///
    /// # Errors
    /// If it cannot be written, the author is fenced, or a component of that name and version has other bytes.
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError>;

    /// Returns all activations with a sequence number above `after`, oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError>;

    /// Returns every component that was ever live, in the order in which each first went live.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError>;
}
