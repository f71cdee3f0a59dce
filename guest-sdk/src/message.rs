//! Messages as they cross the guest's boundary: the `types` interface in `wit/`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Rejection;

/// Names one kind of command or event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageKind {
    /// As declared: `FlightDeparted`.
    pub name: &'static str,
    /// The version of the payload's schema, from 1.
    pub version: u32,
}

impl MessageKind {
    /// Reports whether it has this name. It is const, because the macros check names at compile time.
    #[doc(hidden)]
    pub const fn has_name(self, name: &str) -> bool {
        let (ours, theirs) = (self.name.as_bytes(), name.as_bytes());
        let mut equal = ours.len() == theirs.len();
        let mut index = 0;
        while equal && index < ours.len() {
            equal = ours[index] == theirs[index];
            index += 1;
        }
        equal
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` version {}", self.name, self.version)
    }
}

/// The body of one command or event.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// As declared.
    pub name: String,
    /// The version of the payload's schema, from 1.
    pub version: u32,
    /// JSON.
    pub payload: Vec<u8>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{} {}", self.name, self.version, String::from_utf8_lossy(&self.payload))
    }
}

/// The reason why a command produced no events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The domain rejected the command: a decision.
    Rejected(Rejection),
    /// The aggregate has no such command, or not in this version.
    Unknown(String),
    /// The payload does not decode, or the handler broke its declaration.
    Malformed(String),
}

// The payloads of commands and events without fields.
#[doc(hidden)]
#[allow(missing_docs, reason = "a doc comment would be in every schema")]
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptyCommand {}

#[doc(hidden)]
#[allow(missing_docs, reason = "a doc comment would be in every schema")]
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct EmptyEvent {}
