//! The entries of a batch, and their results.

use crate::{AggregateRef, CommandRecord, Context, Digest, Message, Outcome, Rejection};

/// One command on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The command's id.
    pub command_id: String,
    /// [`crate::Command::request_hash`] of the request.
    pub request_hash: Digest,
    /// The aggregate of the stream.
    pub aggregate: AggregateRef,
    /// The decision to record. `None` only asks whether the id is recorded already: a command that cannot be decided
    /// now (a fault, an unmet expected version) still gets its stored outcome, in order behind all earlier entries.
    pub decision: Option<Decision>,
}

/// A decision that is not durable yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The stream version on which it was taken; must still hold when it is committed.
    pub base_version: u64,
    /// The command, with the version that handled it.
    pub command: Message,
    /// The context in which it was decided. `now` becomes the time of recording.
    pub context: Context,
    /// Accepted with these events, or rejected.
    pub verdict: Verdict,
    /// The component that decided.
    pub component: Digest,
}

/// The guest's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The guest accepted the command and produced these events, possibly none.
    Accepted(Vec<Message>),
    /// The domain rejected the command.
    Rejected(Rejection),
}

impl Verdict {
    /// The events to append.
    pub fn events(&self) -> &[Message] {
        match self {
            Self::Accepted(events) => events,
            Self::Rejected(_) => &[],
        }
    }

    /// The outcome to record.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Accepted(events) => Outcome::Accepted { events: events.len() as u32 },
            Self::Rejected(rejection) => Outcome::Rejected(rejection.clone()),
        }
    }
}

/// The result of an [`Entry`] once its batch is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryResult {
    /// Recorded.
    Committed {
        /// Stream version after it.
        version: u64,
        /// Offset of its first event, if it has one.
        first_offset: Option<u64>,
    },
    /// The same request was recorded before; nothing was written.
    Duplicate(Box<CommandRecord>),
    /// The id was recorded for another request; nothing was written.
    IdReused,
    /// The base version did not hold; nothing was written.
    Conflict {
        /// The version that the stream is at.
        actual: u64,
    },
    /// The entry had no decision and its id is not recorded.
    Absent,
}
