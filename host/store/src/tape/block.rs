//! Writes and reads blocks, each with a checksum over everything up to its end.

use std::io::{self, Read, Write};

use cantus_model::Digest;

use super::{FORMAT, MAGIC, MAX_BLOCK_BYTES, TapeError, decode_error::DecodeError};

/// Bytes of the magic and the format.
const PREAMBLE_BYTES: usize = MAGIC.len() + 4;
/// Bytes of kind, length and checksum.
const HEAD_BYTES: usize = 1 + 4 + 32;
/// Bytes of the whole last block.
const END_BLOCK_BYTES: usize = HEAD_BYTES + BlockKind::END_BODY_BYTES;
const UNKNOWN_KIND: DecodeError = DecodeError("its kind is not known");

/// The kind of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum BlockKind {
    Header = b'H',
    Component = b'C',
    Streams = b'S',
    End = b'E',
}

impl BlockKind {
    /// Bytes of the body of the last block. They are fixed, so that it is found from the end of the file.
    pub(super) const END_BODY_BYTES: usize = 24;

    fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        let all = [Self::Header, Self::Component, Self::Streams, Self::End];
        all.into_iter().find(|kind| *kind as u8 == byte).ok_or(UNKNOWN_KIND)
    }
}

fn preamble() -> [u8; PREAMBLE_BYTES] {
    let mut bytes = [0; PREAMBLE_BYTES];
    let (magic, format) = bytes.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    format.copy_from_slice(&FORMAT.to_le_bytes());
    bytes
}

fn chain_checksum(before: Digest, kind: u8, body: &[u8]) -> Digest {
    Digest::of_parts([before.as_bytes().as_slice(), &[kind], body])
}

/// Writes blocks.
pub(super) struct BlockWriter<W> {
    out: W,
    checksum: Digest,
}

impl<W: Write> BlockWriter<W> {
    pub(super) fn new(mut out: W) -> Result<Self, TapeError> {
        let preamble = preamble();
        out.write_all(&preamble).map_err(TapeError::Write)?;
        Ok(Self { out, checksum: Digest::of(&preamble) })
    }

    pub(super) fn write(&mut self, kind: BlockKind, body: &[u8]) -> Result<(), TapeError> {
        let too_large =
            || TapeError::Unfit(format!("a block has {} bytes, {MAX_BLOCK_BYTES} are the limit", body.len()));
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_BLOCK_BYTES).ok_or_else(too_large)?;
        self.checksum = chain_checksum(self.checksum, kind as u8, body);
        for part in [&[kind as u8][..], &length.to_le_bytes(), self.checksum.as_bytes(), body] {
            self.out.write_all(part).map_err(TapeError::Write)?;
        }
        Ok(())
    }

    /// Flushes and returns the output, and the checksum over everything.
    pub(super) fn finish(mut self) -> Result<(W, Digest), TapeError> {
        self.out.flush().map_err(TapeError::Write)?;
        Ok((self.out, self.checksum))
    }
}

/// Reads blocks and refuses damaged ones.
pub(super) struct BlockReader<R> {
    input: R,
    /// The checksum over everything that was read.
    pub(super) checksum: Digest,
    /// The number of the block that was read last, and its position in the file.
    block: u64,
    began: u64,
    /// The position of the reader, and the length of the file.
    at: u64,
    pub(super) length: u64,
    /// The number of the block that comes next.
    next: u64,
}

impl<R: Read> BlockReader<R> {
    /// Reads the preamble. `length` is that of the file.
    pub(super) fn new(mut input: R, length: u64) -> Result<Self, TapeError> {
        let (mut magic, mut format) = ([0; MAGIC.len()], [0; 4]);
        read_exact(&mut input, &mut magic, TapeError::NotATape)?;
        if magic != *MAGIC {
            return Err(TapeError::NotATape);
        }
        read_exact(&mut input, &mut format, TapeError::Truncated)?;
        match u32::from_le_bytes(format) {
            FORMAT => {}
            0 => return Err(TapeError::NotATape),
            newer => return Err(TapeError::Newer(newer)),
        }
        let (preamble, at) = (preamble(), PREAMBLE_BYTES as u64);
        Ok(Self { input, checksum: Digest::of(&preamble), block: 0, began: at, at, length, next: 0 })
    }

    /// Reads the next block. Nothing may follow the last one.
    pub(super) fn read_block(&mut self) -> Result<(BlockKind, Vec<u8>), TapeError> {
        (self.block, self.began) = (self.next, self.at);
        self.next += 1;
        let mut head = [0; HEAD_BYTES];
        self.read(&mut head)?;
        let [kind, a, b, c, d, expected @ ..] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        if length as usize > MAX_BLOCK_BYTES || u64::from(length) > self.length.saturating_sub(self.at) {
            return Err(self.locate(DecodeError("its length is wrong")));
        }
        let mut body = vec![0; length as usize];
        self.read(&mut body)?;
        self.checksum = chain_checksum(self.checksum, kind, &body);
        if *self.checksum.as_bytes() != expected {
            return Err(self.locate(DecodeError("its bytes do not match its checksum")));
        }
        let kind = BlockKind::from_byte(kind).map_err(|error| self.locate(error))?;
        if kind == BlockKind::End && self.at != self.length {
            return Err(self.locate(DecodeError("bytes follow the end record")));
        }
        Ok((kind, body))
    }

    /// Returns the bytes of the block that was read last.
    pub(super) fn block_bytes(&self) -> u64 {
        self.at - self.began
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), TapeError> {
        self.at += bytes.len() as u64;
        read_exact(&mut self.input, bytes, TapeError::Truncated)
    }

    /// Adds the position of the block that was read last to an error of its bytes.
    pub(super) fn locate(&self, error: DecodeError) -> TapeError {
        TapeError::Damaged { block: self.block, at: self.began, what: error.0 }
    }
}

/// Fills `bytes`. If the file ends before, the error is `short`.
fn read_exact(input: &mut impl Read, bytes: &mut [u8], short: TapeError) -> Result<(), TapeError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => short,
        _ => TapeError::Read(error),
    })
}

/// Reports whether the last bytes of a file look like an end record; otherwise the file was cut off.
pub(super) fn is_end_record(tail: &[u8]) -> bool {
    let length = (BlockKind::END_BODY_BYTES as u32).to_le_bytes();
    tail.len() == END_BLOCK_BYTES && tail[0] == BlockKind::End as u8 && tail[1..5] == length
}

/// The number of last bytes of a file that [`is_end_record`] needs.
pub(super) const TAIL_BYTES: u64 = END_BLOCK_BYTES as u64;
