//! Reads tapes.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, Digest, HistoryPage, HistoryQuery,
    ports::{History, HistorySource, StoreError},
};
use zstd::bulk::Decompressor;

use super::{
    MAX_BLOCK_BYTES, TapeError, TapeHeader, Totals,
    block::{BlockKind, BlockReader, TAIL_BYTES, is_end_record},
    columns::decompress,
    decode_error::DecodeError,
    unpack::{BlockUnpacker, UnpackedPage},
};

type FileBlocks = BlockReader<BufReader<File>>;

/// A tape whose blocks were checked. It can be read any number of times, each time in bounded memory.
#[derive(Clone, Debug)]
pub struct Tape {
    path: PathBuf,
    header: TapeHeader,
    totals: Totals,
    checksum: Digest,
    bytes: u64,
    history_bytes: u64,
}

impl Tape {
    /// Opens a tape and checks all of its blocks. Blocks while it reads the whole file once.
    ///
    /// # Errors
    /// If it cannot be read, is no tape, was written by a newer Cantus, is cut off, or is damaged.
    pub fn open(path: &Path) -> Result<Self, TapeError> {
        let mut blocks = open_blocks(path)?;
        let header = read_header(&mut blocks)?;
        let mut history_bytes = 0;
        let totals = loop {
            match blocks.read_block()? {
                (BlockKind::End, body) => break Totals::decode(&body).map_err(|error| blocks.locate(error))?,
                (BlockKind::Streams, _) => history_bytes += blocks.block_bytes(),
                (BlockKind::Header | BlockKind::Component, _) => {}
            }
        };
        Ok(Self { path: path.into(), header, totals, checksum: blocks.checksum, bytes: blocks.length, history_bytes })
    }

    /// Returns its header.
    pub fn header(&self) -> &TapeHeader {
        &self.header
    }

    /// Returns its totals.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Returns its checksum, which identifies it: no other tape has the same.
    pub fn checksum(&self) -> Digest {
        self.checksum
    }

    /// Returns the bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the bytes of the file that are streams: all except its header, components and end.
    pub fn history_bytes(&self) -> u64 {
        self.history_bytes
    }

    /// Reads the bytes of a component, if they are on the tape. FileBlocks while it reads.
    ///
    /// # Errors
    /// If the tape cannot be read again, or the bytes do not match the digest.
    pub fn component(&self, digest: Digest) -> Result<Option<Vec<u8>>, TapeError> {
        let mut blocks = open_blocks(&self.path)?;
        let components = read_header(&mut blocks)?.components;
        for component in components {
            let Some(size) = component.bytes else { continue };
            let (kind, body) = blocks.read_block()?;
            if kind != BlockKind::Component {
                return Err(blocks.locate(DecodeError("a component is missing")));
            }
            if component.digest == digest {
                return decompress_component(&body, size, digest).map(Some).map_err(|error| blocks.locate(error));
            }
        }
        Ok(None)
    }
}

/// Decompresses the bytes of a component and compares them with its digest.
fn decompress_component(body: &[u8], size: u64, digest: Digest) -> Result<Vec<u8>, DecodeError> {
    let size = usize::try_from(size).ok().filter(|size| *size <= MAX_BLOCK_BYTES);
    let size = size.ok_or(DecodeError("a component is too large"))?;
    let mut decompressor = Decompressor::new().map_err(|_| DecodeError("zstd does not start"))?;
    let bytes = decompress(&mut decompressor, body, size)?;
    if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(DecodeError("a component does not match its digest")) }
}

/// Opens the file and checks that it begins and ends as a tape does.
fn open_blocks(path: &Path) -> Result<FileBlocks, TapeError> {
    let mut file = File::open(path).map_err(TapeError::Read)?;
    let length = file.seek(SeekFrom::End(0)).map_err(TapeError::Read)?;
    let mut tail = vec![];
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).map_err(TapeError::Read)?;
    file.try_clone().and_then(|file| file.take(TAIL_BYTES).read_to_end(&mut tail)).map_err(TapeError::Read)?;
    file.rewind().map_err(TapeError::Read)?;
    // That the file is no tape is reported before that it is cut off.
    let blocks = BlockReader::new(BufReader::new(file), length)?;
    if is_end_record(&tail) { Ok(blocks) } else { Err(TapeError::Truncated) }
}

fn read_header(blocks: &mut FileBlocks) -> Result<TapeHeader, TapeError> {
    match blocks.read_block()? {
        (BlockKind::Header, body) => {
            serde_json::from_slice(&body).map_err(|_| blocks.locate(DecodeError("its header does not decode")))
        }
        _ => Err(blocks.locate(DecodeError("it does not begin with its header"))),
    }
}

#[async_trait]
impl HistorySource for Tape {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        let path = self.path.clone();
        let blocks = run_blocking(move || open_blocks(&path)).await?;
        Ok(Box::new(TapeHistory {
            blocks: Some(blocks),
            is_complete: false,
            unpacker: None,
            open_stream: None,
            seen: Totals::default(),
            tape: self.clone(),
            query: query.clone(),
        }))
    }
}

/// The history of a tape, while it is read.
struct TapeHistory {
    tape: Tape,
    query: HistoryQuery,
    /// `None` after the end, and after an error.
    blocks: Option<FileBlocks>,
    is_complete: bool,
    unpacker: Option<BlockUnpacker>,
    /// The stream whose last page was not read yet.
    open_stream: Option<AggregateRef>,
    seen: Totals,
}

#[async_trait]
impl History for TapeHistory {
    fn commands(&self) -> Option<u64> {
        (self.query == HistoryQuery::default()).then_some(self.tape.totals.commands)
    }

    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError> {
        while let Some(blocks) = self.blocks.take() {
            let unpacked = match &mut self.unpacker {
                Some(unpacker) => unpacker.next_page().map_err(|error| blocks.locate(error))?,
                None => None,
            };
            let Some(unpacked) = unpacked else {
                self.next_block(blocks).await?;
                continue;
            };
            self.check_order(&unpacked).map_err(|error| blocks.locate(error))?;
            self.blocks = Some(blocks);
            if self.query.selects(&unpacked.page.aggregate) {
                return Ok(Some(unpacked.page));
            }
        }
        match self.is_complete {
            true => Ok(None),
            false => {
                Err(StoreError::Corrupt("an earlier page could not be read: read the tape from its beginning".into()))
            }
        }
    }
}

impl TapeHistory {
    async fn next_block(&mut self, mut blocks: FileBlocks) -> Result<(), TapeError> {
        let read = move || {
            let (kind, body) = blocks.read_block()?;
            let unpacker = match kind {
                BlockKind::Streams => Some(BlockUnpacker::new(body).map_err(|error| blocks.locate(error))?),
                BlockKind::Header | BlockKind::Component | BlockKind::End => None,
            };
            Ok((kind, unpacker, blocks))
        };
        let (kind, unpacker, blocks) = run_blocking(read).await?;
        self.unpacker = unpacker;
        match kind {
            BlockKind::End => self.check_end(&blocks),
            BlockKind::Header | BlockKind::Component | BlockKind::Streams => {
                self.blocks = Some(blocks);
                Ok(())
            }
        }
    }

    /// Checks that the page continues the pages before it, and counts it.
    fn check_order(&mut self, unpacked: &UnpackedPage) -> Result<(), DecodeError> {
        let page = &unpacked.page;
        match &self.open_stream {
            None if unpacked.begins => self.seen.streams += 1,
            Some(open) if !unpacked.begins && *open == page.aggregate => {}
            _ => return Err(DecodeError("its streams are not in order")),
        }
        self.open_stream = (!page.last).then(|| page.aggregate.clone());
        self.seen.commands += page.commands.len() as u64;
        self.seen.events += page.commands.iter().map(|command| command.events.len() as u64).sum::<u64>();
        Ok(())
    }

    fn check_end(&mut self, blocks: &FileBlocks) -> Result<(), TapeError> {
        if blocks.checksum != self.tape.checksum {
            return Err(blocks.locate(DecodeError("the file was changed while it was read")));
        }
        self.is_complete = self.open_stream.is_none() && self.seen == self.tape.totals;
        match self.is_complete {
            true => Ok(()),
            false => Err(blocks.locate(DecodeError("its totals differ from its content"))),
        }
    }
}

/// Runs `read` on a thread that may block.
async fn run_blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, TapeError> + Send + 'static,
) -> Result<T, TapeError> {
    let failed = |error: tokio::task::JoinError| TapeError::Read(std::io::Error::other(error));
    tokio::task::spawn_blocking(read).await.map_err(failed)?
}
