//! Answers to commands.

use crate::{CommandRecord, Digest, Fault, Outcome, ports::StoreError};

/// The answer to a command: its durable outcome, or the reason why it has none.
pub type Answer = Result<DurableOutcome, CommandError>;

/// A durable outcome and its position in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurableOutcome {
    /// Accepted or rejected.
    pub outcome: Outcome,
    /// Stream version after it.
    pub version: u64,
    /// Offset of its first event, if it has one.
    pub first_offset: Option<u64>,
    /// The command was decided before under the same id, and this is the stored outcome.
    pub duplicate: bool,
    /// The component that decided.
    pub component: Digest,
}

impl From<CommandRecord> for DurableOutcome {
    fn from(record: CommandRecord) -> Self {
        Self {
            version: record.version(),
            first_offset: record.first_offset,
            duplicate: true,
            component: record.component,
            outcome: record.outcome,
        }
    }
}

/// The reason why a command was not decided. Nothing is recorded for it: it may be sent again under the same id.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandError {
    /// The host refuses the request itself.
    #[error("{0}")]
    Invalid(String),
    /// No live plugin hosts the aggregate type.
    #[error("no plugin hosts the aggregate {name:?}; {hosted}")]
    UnknownAggregate {
        /// The aggregate type in the request.
        name: String,
        /// The aggregate types that exist, for people.
        hosted: String,
    },
    /// The aggregate has no such command, or not in that version.
    #[error("{aggregate} has no command {command}; {known}")]
    UnknownCommand {
        /// The aggregate type.
        aggregate: String,
        /// The command and version in the request.
        command: String,
        /// The commands that exist, for people.
        known: String,
    },
    /// The payload does not decode.
    #[error("the payload was not accepted: {0}")]
    Malformed(String),
    /// The payload is larger than the limit.
    #[error("payload and metadata have {bytes} bytes, the limit `engine.payload_bytes` is {limit}")]
    TooLarge {
        /// Bytes of the request.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The guest faulted.
    #[error("{0}")]
    Fault(Box<Fault>),
    /// The expected version did not hold, or other writers changed the stream on every attempt.
    #[error("the stream is at version {actual}{}", expected.map_or_else(String::new, |v| format!(", not at {v} as expected")))]
    Conflict {
        /// The version that the command expected.
        expected: Option<u64>,
        /// The version of the stream.
        actual: u64,
    },
    /// The id was used for another request.
    #[error("this id was used before, for another request: give each command an id of its own")]
    IdReused,
    /// A queue is full.
    #[error("overloaded: retry after {retry_after_ms} ms")]
    Overloaded {
        /// Milliseconds to wait before the next attempt.
        retry_after_ms: u64,
    },
    /// The store failed. The command may or may not be recorded: send it again under the same id.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host is stopping.
    #[error("the host is shutting down")]
    ShuttingDown,
    /// The host failed and stopped. The command may or may not be recorded: send it again under the same id.
    #[error("{0}")]
    HostFailed(String),
}

impl CommandError {
    /// A stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::UnknownAggregate { .. } => "unknown-aggregate",
            Self::UnknownCommand { .. } => "unknown-command",
            Self::Malformed(_) => "malformed",
            Self::TooLarge { .. } => "too-large",
            Self::Fault(_) => "fault",
            Self::Conflict { .. } => "conflict",
            Self::IdReused => "id-reused",
            Self::Overloaded { .. } => "overloaded",
            Self::Store(_) => "store",
            Self::ShuttingDown => "shutting-down",
            Self::HostFailed(_) => "host-failed",
        }
    }
}
