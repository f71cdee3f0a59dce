//! Messages and their context: the host's side of the `types` interface in `wit/`.

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC. The last one that fits a signed 64-bit column is in the year 294,247.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// Names one kind of command or event: its name and its schema version, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageKind {
    /// As the plugin declares it: `FlightDeparted`.
    pub name: String,
    /// The version of the payload's schema, from 1.
    pub version: u32,
}

/// The body of one command or event. The payload is opaque to the host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// As the plugin declares it.
    pub name: String,
    /// The version of the payload's schema, from 1.
    pub version: u32,
    /// In the format that the plugin's manifest names.
    pub payload: Vec<u8>,
}

/// Everything besides state and command that a decision may depend on. Recorded with the command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The command's id, unique for ever.
    pub command_id: String,
    /// The time at which the host admitted the command; never runs backwards within a stream.
    pub now: Timestamp,
    /// Derived from the command id.
    pub seed: u64,
    /// Shared by all messages that follow from one first cause.
    pub correlation_id: String,
    /// The message that caused this command, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The person or program that sent the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Free key-value pairs, in the caller's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, String)>,
}

/// A rejection by the domain: recorded, final, never retried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// A stable code, for programs.
    pub code: String,
    /// The reason, for people.
    pub message: String,
    /// The domain error itself, in the plugin's payload format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Vec<u8>>,
}
