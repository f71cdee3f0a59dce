//! Jobs on their way to a committer and back.

use cantus_model::{CommandError, Entry, EntryResult, ports::StoreError};

use crate::job::Job;

/// A job at the committer.
pub(crate) struct Submission {
    pub(crate) shard: usize,
    pub(crate) job: Job,
    pub(crate) entry: Entry,
    /// For an entry without a decision: the answer, unless the command turns out to be decided already.
    pub(crate) held: Option<CommandError>,
}

impl Submission {
    /// The entry for the store, and what is needed to answer.
    pub(crate) fn into_parts(self) -> (Entry, SubmissionTicket) {
        let Self { shard, job, entry, held } = self;
        (entry, SubmissionTicket { shard, job, held })
    }

    /// What [`Self::into_parts`] took apart.
    pub(crate) fn from_parts(entry: Entry, ticket: SubmissionTicket) -> Self {
        let SubmissionTicket { shard, job, held } = ticket;
        Self { shard, job, entry, held }
    }
}

/// A job that came back from the committer.
pub(crate) struct SettledJob {
    pub(crate) submission: Submission,
    pub(crate) result: Result<EntryResult, StoreError>,
}

/// A submission without its entry.
pub(crate) struct SubmissionTicket {
    pub(crate) shard: usize,
    pub(crate) job: Job,
    /// See [`Submission::held`].
    pub(crate) held: Option<CommandError>,
}
