//! A store that this host may write to.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, PartitionId,
    ports::{ActivationAuthor, Claim, Store, StoreError},
};

/// A store whose every partition this host has claimed. Whatever a host writes, it writes under one of these claims: so nothing
/// is written before the host owns the store, and nothing after another host has taken it over.
#[derive(Clone)]
pub struct OwnedStore {
    store: Arc<dyn Store>,
    /// One for each partition, in order; never empty.
    claims: Arc<[Claim]>,
}

impl OwnedStore {
    /// Claims every partition. All hosts that wrote before are fenced from here on.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn claim(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let mut claims = Vec::new();
        for partition in store.log_info().await?.partition_ids() {
            claims.push(store.claim(partition).await?);
        }
        match claims.is_empty() {
            true => Err(StoreError::Corrupt("the log has no partition".into())),
            false => Ok(Self { store, claims: claims.into() }),
        }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Names this host as the author of an activation.
    pub fn author(&self) -> ActivationAuthor {
        ActivationAuthor::Host(self.claims[0])
    }

    /// The claims, in the order of the partitions.
    pub(crate) fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The partition that an aggregate belongs to.
    pub(crate) fn partition_of(&self, aggregate: &AggregateRef) -> PartitionId {
        PartitionId::of(aggregate, self.claims.len() as u32)
    }
}
