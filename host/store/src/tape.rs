//! Tapes: recorded history in one portable file, for a replay without a store.
//!
//! ```text
//! tape  = "cantus tape\n"  format: u32  block*                    fixed-size numbers are little-endian
//! block = kind: u8  length: u32  checksum: 32 bytes  body
//! ```
//!
//! The first block has the [`TapeHeader`] as JSON. Then come one block for each included component, the streams in blocks of about
//! one mebibyte, and a last block with the [`Totals`]. The checksum of a block is the sha256 of the checksum before it, its kind and
//! its body. It covers everything before it, so the last one, [`Tape::checksum`], identifies the tape.
//!
//! A block of streams can be decoded without the blocks before it. Values of one sort (times, ids, payloads) are stored together in
//! columns, each compressed by itself. A value that can be predicted (a seed, a request hash, the base version of a command) is
//! stored only if it differs from the prediction. The bytes depend on the history alone, not on how it was divided into pages or on
//! when the tape was made.

mod block;
mod bytes;
mod columns;
mod command_shape;
mod decode_error;
mod error;
mod header;
mod pack;
mod predictor;
mod reader;
mod redact;
mod unpack;
mod writer;

pub use error::TapeError;
pub use header::{TapeComponent, TapeHeader, TapedComponent, Totals};
pub use reader::Tape;
pub use redact::{RedactionError, Redactor};
pub use writer::{TapeSummary, TapeWriter};

/// The newest format that this build reads, and the one that it writes.
pub const FORMAT: u32 = 1;

/// The first bytes of a tape.
const MAGIC: &[u8; 12] = b"cantus tape\n";
/// Bytes of a block of streams before compression, about.
const BLOCK_BYTES: usize = 1 << 20;
/// The largest size of a command with its events. The default limits of a host are far below.
const MAX_COMMAND_BYTES: usize = 32 << 20;
/// The largest size of a block, compressed or not: it is read into memory as a whole.
const MAX_BLOCK_BYTES: usize = 128 << 20;
/// Bytes of the commands of a page, about.
const PAGE_BYTES: usize = 1 << 20;
