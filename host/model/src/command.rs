//! Commands as asked, and as recorded.

use serde::{Deserialize, Serialize};

use crate::{AggregateRef, Context, Digest, Message, Rejection};

/// A request to an aggregate, as a caller states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Unique for ever: a repeated id gets the stored outcome.
    pub id: String,
    /// Whom it is for.
    pub aggregate: AggregateRef,
    /// The command's name.
    pub name: String,
    /// The schema version of the payload; the newest that the plugin handles if absent.
    pub version: Option<u32>,
    /// In the plugin's payload format.
    pub payload: Vec<u8>,
    /// If given, the stream version that must hold when the command is decided.
    pub expected_version: Option<u64>,
    /// Who asks.
    pub actor: Option<String>,
    /// Shared by all messages of one first cause; the command's own id if absent.
    pub correlation_id: Option<String>,
    /// What caused this command.
    pub causation_id: Option<String>,
    /// Free key-value pairs.
    pub metadata: Vec<(String, String)>,
}

impl Command {
    /// A command with nothing but what it must have. `id` is unique for ever: the same id again gets the stored outcome.
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

    /// Identifies the request under its id: the same id with another hash is another request and is refused.
    ///
    /// Covers what is asked (aggregate, command, version as given, payload, expected version), not who asks or how it
    /// travelled, which may differ when a caller tries again.
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

    /// The seed of the command's context: a function of its id alone.
    pub fn seed(&self) -> u64 {
        Self::seed_of(&self.id)
    }

    /// [`Self::seed`] of a command with this id.
    pub fn seed_of(id: &str) -> u64 {
        Digest::of(id.as_bytes()).seed()
    }
}

/// Which optional parts a request named, so that a record need not keep its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestShape {
    /// The schema version of the command.
    pub version: bool,
    /// The expected version; it held, so it is the base version of the record.
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

    /// The shape of the recorded request that has this hash. `None` if it is the hash of something else.
    pub fn of(hash: &Digest, aggregate: &AggregateRef, command: &Message, base_version: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.hash(aggregate, command, base_version) == *hash)
    }

    /// [`Command::request_hash`] of the request that led to such a record.
    pub fn hash(self, aggregate: &AggregateRef, command: &Message, base_version: u64) -> Digest {
        let version = self.version.then_some(command.version);
        let expected = self.expected_version.then_some(base_version);
        Command::hash_of(aggregate, &command.name, version, &command.payload, expected)
    }
}

/// What was decided: the stored, final answer to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The command was accepted and produced this many events, possibly none.
    Accepted {
        /// Count of events.
        events: u32,
    },
    /// The domain said no.
    Rejected(Rejection),
}

/// The journal's record of one decided command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// Whom it was for.
    pub aggregate: AggregateRef,
    /// [`Command::request_hash`] of the request.
    pub request_hash: Digest,
    /// Stream version that the decision was taken on.
    pub base_version: u64,
    /// The command, with the version that handled it.
    pub command: Message,
    /// The context it was decided in; holds its id and the time of recording.
    pub context: Context,
    /// What was decided.
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
