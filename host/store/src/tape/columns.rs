//! The columns of a block of streams, each compressed by itself.

use zstd::bulk::{Compressor, Decompressor};

use super::{
    MAX_BLOCK_BYTES,
    bytes::{ByteReader, put_number},
    decode_error::DecodeError,
};

/// The level of zstd. On the flights, level 3 writes five times as fast and makes the tape a fifth larger; level 19 makes it a seventh
/// smaller and takes fifty times as long.
const COMPRESSION_LEVEL: i32 = 9;

/// The columns, in the order in which they are stored.
#[derive(Debug, Default)]
pub(super) struct BlockColumns<T> {
    /// The shapes of commands, each once.
    pub(super) shapes: T,
    /// The runs of consecutive commands of one stream: the stream, and the number of commands.
    pub(super) runs: T,
    /// For each command: the index of its shape.
    pub(super) shape_indexes: T,
    /// Times of recording.
    pub(super) times: T,
    /// Offsets of first events.
    pub(super) offsets: T,
    /// Other numbers: sizes of payloads, and values that differ from their prediction.
    pub(super) numbers: T,
    /// Ids and other strings.
    pub(super) texts: T,
    /// The payload of each command, followed by those of its events: zstd finds what they have in common.
    pub(super) payloads: T,
}

impl<T> BlockColumns<T> {
    pub(super) fn each(&self) -> [&T; 8] {
        let Self { shapes, runs, shape_indexes, times, offsets, numbers, texts, payloads } = self;
        [shapes, runs, shape_indexes, times, offsets, numbers, texts, payloads]
    }
}

#[cfg(test)]
impl<T> BlockColumns<T> {
    pub(super) fn each_mut(&mut self) -> [&mut T; 8] {
        let Self { shapes, runs, shape_indexes, times, offsets, numbers, texts, payloads } = self;
        [shapes, runs, shape_indexes, times, offsets, numbers, texts, payloads]
    }
}

impl BlockColumns<Vec<u8>> {
    /// Returns the bytes of all columns.
    pub(super) fn size(&self) -> usize {
        self.each().iter().map(|column| column.len()).sum()
    }

    /// Compresses the columns to the body of a block.
    pub(super) fn compress(&self, compressor: &mut Compressor<'_>) -> std::io::Result<Vec<u8>> {
        let mut body = vec![];
        for column in self.each() {
            put_number(&mut body, column.len() as u64);
            if !column.is_empty() {
                let compressed = compressor.compress(column)?;
                put_number(&mut body, compressed.len() as u64);
                body.extend_from_slice(&compressed);
            }
        }
        Ok(body)
    }
}

impl BlockColumns<ByteReader> {
    /// Reverses [`BlockColumns::compress`].
    pub(super) fn decompress(body: Vec<u8>) -> Result<Self, DecodeError> {
        let (mut body, mut left) = (ByteReader::new(body), MAX_BLOCK_BYTES);
        let mut decompressor = Decompressor::new().map_err(|_| DecodeError("zstd does not start"))?;
        let mut column = || {
            let size: usize = body.read_small()?;
            left = left.checked_sub(size).ok_or(DecodeError("it is too large"))?;
            match size {
                0 => Ok(ByteReader::default()),
                _ => decompress(&mut decompressor, body.read_bytes()?, size).map(ByteReader::new),
            }
        };
        let columns = Self {
            shapes: column()?,
            runs: column()?,
            shape_indexes: column()?,
            times: column()?,
            offsets: column()?,
            numbers: column()?,
            texts: column()?,
            payloads: column()?,
        };
        if body.is_empty() { Ok(columns) } else { Err(DecodeError("bytes follow its columns")) }
    }

    /// Reports whether everything in them was read.
    pub(super) fn is_read(&self) -> bool {
        self.each().iter().all(|column| column.is_empty())
    }
}

/// Creates the compressor of everything on a tape.
pub(super) fn new_compressor() -> std::io::Result<Compressor<'static>> {
    Compressor::new(COMPRESSION_LEVEL)
}

/// Decompresses bytes, which must become `size` bytes. The caller limits `size`.
pub(super) fn decompress(
    decompressor: &mut Decompressor<'_>,
    bytes: &[u8],
    size: usize,
) -> Result<Vec<u8>, DecodeError> {
    let plain = decompressor.decompress(bytes, size).map_err(|_| DecodeError("it does not decompress"))?;
    if plain.len() == size { Ok(plain) } else { Err(DecodeError("it decompresses to another size")) }
}
