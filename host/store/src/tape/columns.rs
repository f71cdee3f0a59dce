//! The columns of a block of streams: like beside like, each compressed by itself.

use zstd::bulk::{Compressor, Decompressor};

use super::{
    MAX_BLOCK,
    bytes::{Column, put_number},
    error::Damage,
};

/// zstd's level. On the flights, 3 writes five times as fast and makes a tape a fifth larger; 19 makes one a seventh smaller
/// and takes fifty times as long.
const LEVEL: i32 = 9;

/// What the columns hold, in the order in which they are stored.
#[derive(Debug, Default)]
pub(super) struct Columns<T> {
    /// The forms that commands have.
    pub(super) forms: T,
    /// Whose commands they are, and how many of each.
    pub(super) runs: T,
    /// For each command: which form.
    pub(super) shapes: T,
    /// When.
    pub(super) times: T,
    /// Where in the log.
    pub(super) offsets: T,
    /// Other numbers: sizes of payloads, what does not follow.
    pub(super) numbers: T,
    /// Ids, and other texts.
    pub(super) texts: T,
    /// Each command's payload, then those of its events: zstd finds what they share.
    pub(super) payloads: T,
}

impl<T> Columns<T> {
    pub(super) fn each(&self) -> [&T; 8] {
        let Self { forms, runs, shapes, times, offsets, numbers, texts, payloads } = self;
        [forms, runs, shapes, times, offsets, numbers, texts, payloads]
    }
}

#[cfg(test)]
impl<T> Columns<T> {
    pub(super) fn each_mut(&mut self) -> [&mut T; 8] {
        let Self { forms, runs, shapes, times, offsets, numbers, texts, payloads } = self;
        [forms, runs, shapes, times, offsets, numbers, texts, payloads]
    }
}

impl Columns<Vec<u8>> {
    /// How many bytes there are.
    pub(super) fn size(&self) -> usize {
        self.each().iter().map(|column| column.len()).sum()
    }

    /// The body of a block.
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

impl Columns<Column> {
    /// What [`Columns::compress`] made.
    pub(super) fn decompress(body: Vec<u8>) -> Result<Self, Damage> {
        let (mut body, mut left) = (Column::new(body), MAX_BLOCK);
        let mut decompressor = Decompressor::new().map_err(|_| Damage("zstd does not start"))?;
        let mut column = || {
            let size: usize = body.small()?;
            left = left.checked_sub(size).ok_or(Damage("it is too large"))?;
            match size {
                0 => Ok(Column::default()),
                _ => decompress(&mut decompressor, body.bytes()?, size).map(Column::new),
            }
        };
        let columns = Self {
            forms: column()?,
            runs: column()?,
            shapes: column()?,
            times: column()?,
            offsets: column()?,
            numbers: column()?,
            texts: column()?,
            payloads: column()?,
        };
        if body.is_empty() { Ok(columns) } else { Err(Damage("something follows its columns")) }
    }

    /// Whether all that was in them was read.
    pub(super) fn is_read(&self) -> bool {
        self.each().iter().all(|column| column.is_empty())
    }
}

/// The compressor of everything on a tape.
pub(super) fn compressor() -> std::io::Result<Compressor<'static>> {
    Compressor::new(LEVEL)
}

/// Decompresses what must become `size` bytes. The caller bounds `size`.
pub(super) fn decompress(decompressor: &mut Decompressor<'_>, bytes: &[u8], size: usize) -> Result<Vec<u8>, Damage> {
    let plain = decompressor.decompress(bytes, size).map_err(|_| Damage("it does not decompress"))?;
    if plain.len() == size { Ok(plain) } else { Err(Damage("it decompresses to another size")) }
}
