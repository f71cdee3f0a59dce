//! Writes decisions: claims and batches.

use async_trait::async_trait;

use super::StoreError;
use crate::{Entry, EntryResult, PartitionId};

/// The right to write to a partition, until another host claims it. Every write names it, so that a host which was
/// replaced cannot write any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The partition.
    pub partition: PartitionId,
    /// The writer epoch, from 1: each claim has a larger one than the claims before it.
    pub epoch: u64,
}

/// Writes whole batches, one transaction each.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Claims a partition for writing. All earlier claims to it are fenced from here on.
    ///
    /// # Errors
    /// If the store cannot be written, or has no such partition.
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError>;

    /// Commits a batch, all of whose aggregates belong to the claimed partition, in one durable transaction. Returns
    /// the result of each entry, in order.
    ///
    /// Entries are judged one after another, each on the effects of those before it: a known id is
    /// [`EntryResult::Duplicate`] or [`EntryResult::IdReused`]; a base version that does not hold is
    /// [`EntryResult::Conflict`]; all else is recorded. The result of one entry never makes another fail.
    ///
    /// # Errors
    /// If the batch as a whole could not be committed. Nothing of it is visible then, unless the commit itself was
    /// applied and only its answer was lost: a second attempt finds the records.
    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError>;
}
