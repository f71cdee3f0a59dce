//! Commands as requested, and as recorded.

use serde::{Deserialize, Serialize};

use crate::{AggregateRef, Context, Digest, Message, Rejection, Timestamp};

/// A request to an aggregate, as a caller states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Unique for ever: a repeated id is answered with the stored outcome.
    pub id: String,
    /// The aggregate that decides it.
    pub aggregate: AggregateRef,
    /// The command's name.
    pub name: String,
    /// The schema version of the payload; if absent, the newest one that the plugin handles.
    pub version: Option<u32>,
    /// The payload, in the plugin's payload format.
    pub payload: Vec<u8>,
    /// If given, the stream version that must hold when the command is decided.
    pub expected_version: Option<u64>,
    /// The person or program that sends the command.
    pub actor: Option<String>,
    /// Shared by all messages that follow from one first cause; if absent, the command's own id.
    pub correlation_id: Option<String>,
    /// The message that caused this command.
    pub causation_id: Option<String>,
    /// Free key-value pairs.
    pub metadata: Vec<(String, String)>,
}

impl Command {
    /// Creates a command with its mandatory parts. `id` is unique for ever: the same id again is answered with the
    /// stored outcome.
    pub fn new(
        id: impl Into<String>,
        aggregate: AggregateRef,
        name: impl Into<String>,
        payload: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            id: id.into(),
            aggregate,
            name: name.into(),
            version: None,
            payload: payload.into(),
            expected_version: None,
            actor: None,
            correlation_id: None,
            causation_id: None,
            metadata: Vec::new(),
        }
    }

    /// Identifies the request under its id: the host refuses the same id with another hash.
    ///
    /// Covers the request itself (aggregate, command, version as given, payload, expected version), not its sender or
    /// its metadata, which may differ when a caller tries again.
    pub fn request_hash(&self) -> Digest {
        Self::hash_of(&self.aggregate, &self.name, self.version, &self.payload, self.expected_version)
    }

    /// [`Self::request_hash`] of a command with these parts.
    pub fn hash_of(
        aggregate: &AggregateRef,
        name: &str,
        version: Option<u32>,
        payload: &[u8],
        expected_version: Option<u64>,
    ) -> Digest {
        let version = version.map(u32::to_le_bytes);
        let expected = expected_version.map(u64::to_le_bytes);
        Digest::of_parts([
            aggregate.aggregate_type.as_bytes(),
            aggregate.id.as_bytes(),
            name.as_bytes(),
            version.as_ref().map_or(&[], |bytes| bytes.as_slice()),
            payload,
            expected.as_ref().map_or(&[], |bytes| bytes.as_slice()),
        ])
    }

    /// The context in which a host decides it at `now`.
    pub fn context(&self, now: Timestamp) -> Context {
        Context {
            command_id: self.id.clone(),
            now,
            seed: self.seed(),
            correlation_id: self.correlation_id.clone().unwrap_or_else(|| self.id.clone()),
            causation_id: self.causation_id.clone(),
            actor: self.actor.clone(),
            metadata: self.metadata.clone(),
        }
    }

    /// The seed of the command's context: a function of its id alone.
    pub fn seed(&self) -> u64 {
        Self::seed_of(&self.id)
    }

    /// [`Self::seed`] of a command with this id.
    pub fn seed_of(id: &str) -> u64 {
        Digest::of(id.as_bytes()).seed()
    }
}

/// The optional parts that a request named, from which its hash can be computed again instead of stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestShape {
    /// The request named the schema version of the command.
    pub version: bool,
    /// The request named an expected version. It held, so it is the base version of the record.
    pub expected_version: bool,
}

impl RequestShape {
    /// Every shape; the most frequent first.
    pub const ALL: [Self; 4] = [
        Self { version: false, expected_version: false },
        Self { version: false, expected_version: true },
        Self { version: true, expected_version: false },
        Self { version: true, expected_version: true },
    ];

    /// Finds the shape of the recorded request that has this hash. `None` if another request has it.
    pub fn of(hash: &Digest, aggregate: &AggregateRef, command: &Message, base_version: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.hash(aggregate, command, base_version) == *hash)
    }

    /// Computes [`Command::request_hash`] of the request that led to such a record.
    pub fn hash(self, aggregate: &AggregateRef, command: &Message, base_version: u64) -> Digest {
        let version = self.version.then_some(command.version);
        let expected = self.expected_version.then_some(base_version);
        Command::hash_of(aggregate, &command.name, version, &command.payload, expected)
    }
}

/// The outcome of a decided command: stored, and final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The command was accepted and produced this many events, possibly none.
    Accepted {
        /// Count of events.
        events: u32,
    },
    /// The domain rejected the command.
    Rejected(Rejection),
}

/// The journal's record of one decided command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// The aggregate that decided it.
    pub aggregate: AggregateRef,
    /// [`Command::request_hash`] of the request.
    pub request_hash: Digest,
    /// Stream version that the decision was taken on.
    pub base_version: u64,
    /// The command, with the version that handled it.
    pub command: Message,
    /// The context in which it was decided; holds its id and the time of recording.
    pub context: Context,
    /// The outcome.
    pub outcome: Outcome,
    /// Offset of its first event, if it produced one.
    pub first_offset: Option<u64>,
    /// The component that decided.
    pub component: Digest,
}

impl CommandRecord {
    /// Stream version after the command.
    pub fn version(&self) -> u64 {
        match self.outcome {
            Outcome::Accepted { events } => self.base_version + u64::from(events),
            Outcome::Rejected(_) => self.base_version,
        }
    }
}
