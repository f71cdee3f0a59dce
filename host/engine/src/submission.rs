//! Submissions to a committer, and their results.

use cantus_model::{CommandError, Entry, EntryResult, ports::StoreError};

use crate::job::Job;

/// A job that is sent to the committer.
pub(crate) struct Submission {
    pub(crate) shard: usize,
    pub(crate) job: Job,
    pub(crate) entry: Entry,
    /// For an entry without a decision: the error with which it is answered, unless the command was decided before.
    pub(crate) error: Option<CommandError>,
}

impl Submission {
    /// Divides it into the entry for the store and the ticket for the answer.
    pub(crate) fn into_parts(self) -> (Entry, SubmissionTicket) {
        let Self { shard, job, entry, error } = self;
        (entry, SubmissionTicket { shard, job, error })
    }

    /// Joins the parts of [`Self::into_parts`] again.
    pub(crate) fn from_parts(entry: Entry, ticket: SubmissionTicket) -> Self {
        let SubmissionTicket { shard, job, error } = ticket;
        Self { shard, job, entry, error }
    }
}

/// The result of a submission.
pub(crate) struct SubmissionResult {
    pub(crate) submission: Submission,
    pub(crate) result: Result<EntryResult, StoreError>,
}

/// A submission without its entry.
pub(crate) struct SubmissionTicket {
    pub(crate) shard: usize,
    pub(crate) job: Job,
    /// See [`Submission::error`].
    pub(crate) error: Option<CommandError>,
}
