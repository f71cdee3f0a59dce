//! Messages to a shard.

use std::sync::Arc;

use cantus_model::{AggregateRef, Roster};

use crate::{job::Job, loaded_part::LoadedPart, submission::SubmissionResult};

/// A message to a shard, which handles them one after another.
pub(crate) enum ShardMessage {
    Command(Box<Job>),
    Loaded {
        aggregate: AggregateRef,
        load: u64,
        part: LoadedPart,
    },
    BatchResolved(Vec<SubmissionResult>),
    /// The jobs of a batch that the store has not answered in time. It is sent without jobs too, because a shard
    /// without jobs in the batch may have deferred commands.
    BatchExpired(Vec<Job>),
    /// The store has answered an expired batch that holds these aggregates.
    BatchReturned(Arc<[AggregateRef]>),
    Swap(Arc<Roster>),
    Stop,
}
