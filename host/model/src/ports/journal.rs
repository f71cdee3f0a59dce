//! Writes decisions: claims and batches.

use async_trait::async_trait;

use super::StoreError;
use crate::{Entry, EntryResult, PartitionId};

/// The right to write to a partition until the next claim of it. Every write names its claim, so that a host which another one has
/// replaced can no longer write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The partition.
    pub partition: PartitionId,
    /// The writer epoch, from 1: each claim of a partition has a larger one than the claims before it.
    pub epoch: u64,
}

/// Writes batches, each in one transaction.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Claims a partition for writing. All earlier claims of it are fenced from here on.
    ///
    /// # Errors
    /// If the store cannot be written, or has no such partition.
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError>;

    /// Commits a batch in one durable transaction. All of its aggregates belong to the claimed partition. Returns the result of
    /// each entry, in order.
    ///
    /// Entries are judged one after another, each on the effects of those before it: a known id is
    /// [`EntryResult::Duplicate`] or [`EntryResult::IdReused`]; a base version that does not hold is
    /// [`EntryResult::Conflict`]; every other entry is recorded. No entry fails because of another one.
    ///
    /// # Errors
    /// If the batch as a whole could not be committed. Nothing of it is visible then, unless the commit itself was
    /// applied and only its answer was lost: a second attempt finds the records.
    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError>;
}
