//! The log of activations.

use async_trait::async_trait;

use super::{Claim, StoreError};
use crate::{Activation, ComponentRecord};

/// The author of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationAuthor {
    /// A host that has claimed a partition. It is [`StoreError::Fenced`] once another host has claimed the partition.
    Host(Claim),
    /// A person at the command line, with or without a running host.
    Operator,
}

/// The log of activations: the component that is live for each plugin name.
#[async_trait]
pub trait ActivationLog: Send + Sync {
    /// Appends an activation durably, and stores the record of the component that becomes live. Returns false and writes nothing
    /// if `activation.seq` is not the next number, because another author has appended since.
    ///
    /// # Errors
    /// If it cannot be written, the author is fenced, or a component of that name and version has other bytes.
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError>;

    /// Reads the activations with a sequence number above `after`, oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError>;

    /// Reads every component that was ever live, in the order of their first activations.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError>;
}
