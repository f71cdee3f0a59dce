//! The header of a tape and its totals.

use cantus_model::{Digest, HistoryQuery};
use serde::{Deserialize, Serialize};

use super::{block::BlockKind, decode_error::DecodeError};

/// The description of a tape, at its beginning. It contains no time and no machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeHeader {
    /// The query that selected the streams on the tape.
    pub query: HistoryQuery,
    /// The components that decided and that the log had a record of.
    pub components: Vec<TapedComponent>,
    /// The rules of its redaction, without their secret; empty if everything is as it was recorded. A decision on a pseudonym can
    /// differ from the decision on the value.
    pub redacted: Vec<String>,
}

/// A component in the header of a tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapedComponent {
    /// sha256 of its bytes.
    pub digest: Digest,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// The number of its bytes, if they are on the tape.
    pub bytes: Option<u64>,
}

/// A component to write on a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeComponent {
    /// sha256 of its bytes.
    pub digest: Digest,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// Its bytes; with `None` the header only names it.
    pub bytes: Option<Vec<u8>>,
}

impl TapeComponent {
    pub(super) fn to_header_entry(&self) -> TapedComponent {
        TapedComponent {
            digest: self.digest,
            plugin: self.plugin.clone(),
            version: self.version.clone(),
            bytes: self.bytes.as_ref().map(|bytes| bytes.len() as u64),
        }
    }
}

/// The totals of a tape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Number of streams.
    pub streams: u64,
    /// Number of commands, including rejected ones.
    pub commands: u64,
    /// Number of events.
    pub events: u64,
}

impl Totals {
    pub(super) fn encode(self) -> Vec<u8> {
        [self.streams, self.commands, self.events].into_iter().flat_map(u64::to_le_bytes).collect()
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let bytes: &[u8; BlockKind::END_BODY_BYTES] =
            body.try_into().map_err(|_| DecodeError("the end record has another size"))?;
        let (numbers, _) = bytes.as_chunks::<8>();
        let [streams, commands, events] = [0, 1, 2].map(|index| u64::from_le_bytes(numbers[index]));
        Ok(Self { streams, commands, events })
    }
}
