//! Blocks, each with a checksum over everything up to its end.

use std::io::{self, Read, Write};

use cantus_model::Digest;

use super::{FORMAT, MAGIC, MAX_BLOCK, TapeError, error::Damage};

/// Magic and format.
const BEGINNING: usize = MAGIC.len() + 4;
/// Kind, length and checksum.
const HEAD: usize = 1 + 4 + 32;
/// Bytes of the whole last block.
const END: usize = HEAD + Kind::END_BODY;
const UNKNOWN: Damage = Damage("its kind is not known");

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Header = b'H',
    Component = b'C',
    Streams = b'S',
    End = b'E',
}

impl Kind {
    /// The body of the last block has this size: so it is found from the file's end.
    pub(super) const END_BODY: usize = 24;

    fn of(byte: u8) -> Result<Self, Damage> {
        let all = [Self::Header, Self::Component, Self::Streams, Self::End];
        all.into_iter().find(|kind| *kind as u8 == byte).ok_or(UNKNOWN)
    }
}

fn beginning() -> [u8; BEGINNING] {
    let mut bytes = [0; BEGINNING];
    let (magic, format) = bytes.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    format.copy_from_slice(&FORMAT.to_le_bytes());
    bytes
}

fn checksum(before: Digest, kind: u8, body: &[u8]) -> Digest {
    Digest::of_parts([before.as_bytes().as_slice(), &[kind], body])
}

/// Writes blocks.
pub(super) struct BlockWriter<W> {
    out: W,
    checksum: Digest,
}

impl<W: Write> BlockWriter<W> {
    pub(super) fn new(mut out: W) -> Result<Self, TapeError> {
        let beginning = beginning();
        out.write_all(&beginning).map_err(TapeError::Write)?;
        Ok(Self { out, checksum: Digest::of(&beginning) })
    }

    pub(super) fn write(&mut self, kind: Kind, body: &[u8]) -> Result<(), TapeError> {
        let too_large = || TapeError::Unfit(format!("a block of {} bytes, {MAX_BLOCK} are the limit", body.len()));
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_BLOCK).ok_or_else(too_large)?;
        self.checksum = checksum(self.checksum, kind as u8, body);
        for part in [&[kind as u8][..], &length.to_le_bytes(), self.checksum.as_bytes(), body] {
            self.out.write_all(part).map_err(TapeError::Write)?;
        }
        Ok(())
    }

    /// What was written to, and the checksum over everything.
    pub(super) fn finish(mut self) -> Result<(W, Digest), TapeError> {
        self.out.flush().map_err(TapeError::Write)?;
        Ok((self.out, self.checksum))
    }
}

/// Reads blocks and hands out none that is damaged.
pub(super) struct BlockReader<R> {
    input: R,
    /// Over everything so far.
    pub(super) checksum: Digest,
    /// The block that was read last, and where it begins.
    block: u64,
    began: u64,
    /// How far it has come, and how long the file is.
    at: u64,
    pub(super) length: u64,
    /// The number of the block that comes next.
    next: u64,
}

impl<R: Read> BlockReader<R> {
    /// Reads what a tape begins with. `length` is the file's.
    pub(super) fn new(mut input: R, length: u64) -> Result<Self, TapeError> {
        let (mut magic, mut format) = ([0; MAGIC.len()], [0; 4]);
        read(&mut input, &mut magic, TapeError::NotATape)?;
        if magic != *MAGIC {
            return Err(TapeError::NotATape);
        }
        read(&mut input, &mut format, TapeError::Truncated)?;
        match u32::from_le_bytes(format) {
            FORMAT => {}
            0 => return Err(TapeError::NotATape),
            newer => return Err(TapeError::Newer(newer)),
        }
        let (beginning, at) = (beginning(), BEGINNING as u64);
        Ok(Self { input, checksum: Digest::of(&beginning), block: 0, began: at, at, length, next: 0 })
    }

    /// The next block. After the last one there is none: nothing may follow it.
    pub(super) fn next(&mut self) -> Result<(Kind, Vec<u8>), TapeError> {
        (self.block, self.began) = (self.next, self.at);
        self.next += 1;
        let mut head = [0; HEAD];
        self.read(&mut head)?;
        let [kind, a, b, c, d, expected @ ..] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        if length as usize > MAX_BLOCK || u64::from(length) > self.length.saturating_sub(self.at) {
            return Err(self.damaged(Damage("its length is wrong")));
        }
        let mut body = vec![0; length as usize];
        self.read(&mut body)?;
        self.checksum = checksum(self.checksum, kind, &body);
        if *self.checksum.as_bytes() != expected {
            return Err(self.damaged(Damage("its bytes do not match its checksum")));
        }
        let kind = Kind::of(kind).map_err(|damage| self.damaged(damage))?;
        if kind == Kind::End && self.at != self.length {
            return Err(self.damaged(Damage("something follows the end record")));
        }
        Ok((kind, body))
    }

    /// Bytes of the block that was read last.
    pub(super) fn size(&self) -> u64 {
        self.at - self.began
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), TapeError> {
        self.at += bytes.len() as u64;
        read(&mut self.input, bytes, TapeError::Truncated)
    }

    /// `damage` of the block that was read last.
    pub(super) fn damaged(&self, damage: Damage) -> TapeError {
        TapeError::Damaged { block: self.block, at: self.began, what: damage.0 }
    }
}

/// Fills `bytes`, or says `short` where the file ends before.
fn read(input: &mut impl Read, bytes: &mut [u8], short: TapeError) -> Result<(), TapeError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => short,
        _ => TapeError::Read(error),
    })
}

/// Whether these last bytes of a file look like an end record: otherwise it was cut off.
pub(super) fn is_end_record(tail: &[u8]) -> bool {
    let length = (Kind::END_BODY as u32).to_le_bytes();
    tail.len() == END && tail[0] == Kind::End as u8 && tail[1..5] == length
}

/// How many of a file's last bytes [`is_end_record`] looks at.
pub(super) const TAIL: u64 = END as u64;
