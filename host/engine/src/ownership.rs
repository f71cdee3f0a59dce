//! The claims of this host to the partitions of a log.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, PartitionId,
    ports::{ActivationAuthor, Claim, EventReader, Journal, StoreError},
};

/// A partition that this host has claimed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClaimedPartition {
    pub(crate) claim: Claim,
    /// Offset of the next event at the time of the claim.
    pub(crate) head: u64,
}

/// The ownership of a log: this host has claimed every partition. Every write of a host names one of these claims, so
/// nothing is written before the host owns the log, and nothing after another host has claimed it.
#[derive(Clone)]
pub struct Ownership {
    journal: Arc<dyn Journal>,
    /// One for each partition, in order; never empty.
    partitions: Arc<[ClaimedPartition]>,
}

impl Ownership {
    /// Claims every partition. All earlier hosts are fenced from here on.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn claim(journal: Arc<dyn Journal>, reader: &dyn EventReader) -> Result<Self, StoreError> {
        let mut partitions = Vec::new();
        for partition in reader.log_info().await?.partition_ids() {
            let claim = journal.claim(partition).await?;
            partitions.push(ClaimedPartition { claim, head: reader.log_head(partition).await? });
        }
        match partitions.is_empty() {
            true => Err(StoreError::Corrupt("the log has no partition".into())),
            false => Ok(Self { journal, partitions: partitions.into() }),
        }
    }

    /// Names this host as the author of an activation.
    pub fn author(&self) -> ActivationAuthor {
        ActivationAuthor::Host(self.partitions[0].claim)
    }

    /// The journal to which decisions are written.
    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// The claimed partitions, in order.
    pub(crate) fn partitions(&self) -> &[ClaimedPartition] {
        &self.partitions
    }

    /// The partition that an aggregate belongs to.
    pub(crate) fn partition_of(&self, aggregate: &AggregateRef) -> PartitionId {
        PartitionId::of(aggregate, self.partitions.len() as u32)
    }
}
