//! Tapes: recorded history in one portable file, to be replayed where there is no store.
//!
//! ```text
//! tape  = "cantus tape\n"  format: u32  block*                    numbers of fixed size are little-endian
//! block = kind: u8  length: u32  checksum: 32 bytes  body
//! ```
//!
//! First comes one block with the [`TapeHeader`] as JSON, then one for each component that is included, then the streams
//! in blocks of about a mebibyte, and at the end one with the [`Totals`]. A block's checksum is the sha256 of the checksum
//! before it, its kind and its body: it covers everything up to there, so the last one, [`Tape::checksum`], names the tape.
//!
//! A block of streams can be decoded without those before it. Inside it, what is alike lies together in columns (times,
//! ids, payloads), each compressed by itself. What follows from something else (a seed, a request hash, the version that a
//! command was decided on) is stored only where it differs from what follows. The bytes are a function of the
//! history alone: how it was cut into pages, and when the tape was made, leaves no trace.

mod block;
mod bytes;
mod columns;
mod course;
mod error;
mod form;
mod header;
mod pack;
mod reader;
mod redact;
mod unpack;
mod writer;

pub use error::TapeError;
pub use header::{TapeComponent, TapeHeader, TapedComponent, Totals};
pub use reader::Tape;
pub use redact::{RedactionError, Redactor};
pub use writer::{TapeSummary, TapeWriter};

/// The newest format that is read, and the one that is written.
pub const FORMAT: u32 = 1;

/// What a tape begins with.
const MAGIC: &[u8; 12] = b"cantus tape\n";
/// Bytes that a block of streams has before it is compressed, about.
const BLOCK: usize = 1 << 20;
/// What one command with its events may weigh. A host's default limits stay far below.
const MAX_COMMAND: usize = 32 << 20;
/// Bytes of one block, compressed or not: what is read into memory at once.
const MAX_BLOCK: usize = 128 << 20;
/// What the commands of one page weigh, about.
const PAGE: usize = 1 << 20;
