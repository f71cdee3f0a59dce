//! What a tape says of itself.

use cantus_model::{Digest, HistoryQuery};
use serde::{Deserialize, Serialize};

use super::{block::Kind, error::Damage};

/// What a tape says of itself, at its beginning. No clock and no machine is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeHeader {
    /// Which streams of the log are on it.
    pub query: HistoryQuery,
    /// The components that decided, as far as the log knew them.
    pub components: Vec<TapedComponent>,
    /// The rules of its redaction, without their secret; empty if everything is as it was recorded. What a decision makes
    /// of a pseudonym can differ from what it made of the value.
    pub redacted: Vec<String>,
}

/// A component that a tape names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapedComponent {
    /// sha256 of its bytes.
    pub digest: Digest,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// How many bytes it has, if they are on the tape.
    pub bytes: Option<u64>,
}

/// A component as it is put on a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeComponent {
    /// sha256 of its bytes.
    pub digest: Digest,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// Its bytes; `None` names it only.
    pub bytes: Option<Vec<u8>>,
}

impl TapeComponent {
    pub(super) fn entry(&self) -> TapedComponent {
        TapedComponent {
            digest: self.digest,
            plugin: self.plugin.clone(),
            version: self.version.clone(),
            bytes: self.bytes.as_ref().map(|bytes| bytes.len() as u64),
        }
    }
}

/// How much is on a tape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Streams, empty ones too.
    pub streams: u64,
    /// Commands, rejected ones too.
    pub commands: u64,
    /// Events.
    pub events: u64,
}

impl Totals {
    pub(super) fn encode(self) -> Vec<u8> {
        [self.streams, self.commands, self.events].into_iter().flat_map(u64::to_le_bytes).collect()
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Damage> {
        let bytes: &[u8; Kind::END_BODY] = body.try_into().map_err(|_| Damage("the end record has another size"))?;
        let (numbers, _) = bytes.as_chunks::<8>();
        let [streams, commands, events] = [0, 1, 2].map(|index| u64::from_le_bytes(numbers[index]));
        Ok(Self { streams, commands, events })
    }
}
