//! Reading a tape.

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
    MAX_BLOCK, TapeError, TapeHeader, Totals,
    block::{BlockReader, Kind, TAIL, is_end_record},
    columns::decompress,
    error::Damage,
    unpack::{Part, Unpacker},
};

type Blocks = BlockReader<BufReader<File>>;

/// A tape that was found whole. It can be read any number of times, each time in bounded memory.
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
    /// Opens a tape and checks all of its blocks: reads the file once through, and blocks meanwhile.
    ///
    /// # Errors
    /// If it cannot be read, is no tape, was made by a newer Cantus, is cut off, or is damaged.
    pub fn open(path: &Path) -> Result<Self, TapeError> {
        let mut blocks = blocks(path)?;
        let header = header(&mut blocks)?;
        let mut history_bytes = 0;
        let totals = loop {
            match blocks.next()? {
                (Kind::End, body) => break Totals::decode(&body).map_err(|damage| blocks.damaged(damage))?,
                (Kind::Streams, _) => history_bytes += blocks.size(),
                (Kind::Header | Kind::Component, _) => {}
            }
        };
        Ok(Self { path: path.into(), header, totals, checksum: blocks.checksum, bytes: blocks.length, history_bytes })
    }

    /// What it says of itself.
    pub fn header(&self) -> &TapeHeader {
        &self.header
    }

    /// How much is on it.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Names the tape: no other one has this checksum.
    pub fn checksum(&self) -> Digest {
        self.checksum
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the file that are streams: all but its header, its components and its end.
    pub fn history_bytes(&self) -> u64 {
        self.history_bytes
    }

    /// The bytes of a component, if they are on the tape. Blocks while it reads.
    ///
    /// # Errors
    /// If the tape cannot be read any more, or the bytes are not those of the digest.
    pub fn component(&self, digest: Digest) -> Result<Option<Vec<u8>>, TapeError> {
        let mut blocks = blocks(&self.path)?;
        let components = header(&mut blocks)?.components;
        for component in components {
            let Some(size) = component.bytes else { continue };
            let (kind, body) = blocks.next()?;
            if kind != Kind::Component {
                return Err(blocks.damaged(Damage("a component is missing")));
            }
            if component.digest == digest {
                return bytes(&body, size, digest).map(Some).map_err(|damage| blocks.damaged(damage));
            }
        }
        Ok(None)
    }
}

/// The bytes of a component.
fn bytes(body: &[u8], size: u64, digest: Digest) -> Result<Vec<u8>, Damage> {
    let size = usize::try_from(size).ok().filter(|size| *size <= MAX_BLOCK);
    let size = size.ok_or(Damage("a component is too large"))?;
    let mut decompressor = Decompressor::new().map_err(|_| Damage("zstd does not start"))?;
    let bytes = decompress(&mut decompressor, body, size)?;
    if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(Damage("a component is not that of its digest")) }
}

fn blocks(path: &Path) -> Result<Blocks, TapeError> {
    let mut file = File::open(path).map_err(TapeError::Read)?;
    let length = file.seek(SeekFrom::End(0)).map_err(TapeError::Read)?;
    let mut tail = vec![];
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).map_err(TapeError::Read)?;
    file.try_clone().and_then(|file| file.take(TAIL).read_to_end(&mut tail)).map_err(TapeError::Read)?;
    file.rewind().map_err(TapeError::Read)?;
    // First whether it is a tape of ours, then whether it is whole.
    let blocks = BlockReader::new(BufReader::new(file), length)?;
    if is_end_record(&tail) { Ok(blocks) } else { Err(TapeError::Truncated) }
}

fn header(blocks: &mut Blocks) -> Result<TapeHeader, TapeError> {
    match blocks.next()? {
        (Kind::Header, body) => {
            serde_json::from_slice(&body).map_err(|_| blocks.damaged(Damage("its header does not decode")))
        }
        _ => Err(blocks.damaged(Damage("it does not begin with its header"))),
    }
}

#[async_trait]
impl HistorySource for Tape {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        let path = self.path.clone();
        let blocks = off_thread(move || blocks(&path)).await?;
        Ok(Box::new(TapeHistory {
            blocks: Some(blocks),
            is_over: false,
            unpacker: None,
            open: None,
            seen: Totals::default(),
            tape: self.clone(),
            query: query.clone(),
        }))
    }
}

/// A tape being read.
struct TapeHistory {
    tape: Tape,
    query: HistoryQuery,
    /// `None` after the end, and after an error.
    blocks: Option<Blocks>,
    is_over: bool,
    unpacker: Option<Unpacker>,
    /// The stream whose last page has not come yet.
    open: Option<AggregateRef>,
    seen: Totals,
}

#[async_trait]
impl History for TapeHistory {
    fn commands(&self) -> Option<u64> {
        (self.query == HistoryQuery::default()).then_some(self.tape.totals.commands)
    }

    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError> {
        while let Some(blocks) = self.blocks.take() {
            let part = match &mut self.unpacker {
                Some(unpacker) => unpacker.next().map_err(|damage| blocks.damaged(damage))?,
                None => None,
            };
            let Some(part) = part else {
                self.next_block(blocks).await?;
                continue;
            };
            self.follow(&part).map_err(|damage| blocks.damaged(damage))?;
            self.blocks = Some(blocks);
            if self.query.selects(&part.page.aggregate) {
                return Ok(Some(part.page));
            }
        }
        match self.is_over {
            true => Ok(None),
            false => Err(StoreError::Corrupt("the tape could not be read on".into())),
        }
    }
}

impl TapeHistory {
    async fn next_block(&mut self, mut blocks: Blocks) -> Result<(), TapeError> {
        let read = move || {
            let (kind, body) = blocks.next()?;
            let unpacker = match kind {
                Kind::Streams => Some(Unpacker::new(body).map_err(|damage| blocks.damaged(damage))?),
                Kind::Header | Kind::Component | Kind::End => None,
            };
            Ok((kind, unpacker, blocks))
        };
        let (kind, unpacker, blocks) = off_thread(read).await?;
        self.unpacker = unpacker;
        match kind {
            Kind::End => self.check_end(&blocks),
            Kind::Header | Kind::Component | Kind::Streams => {
                self.blocks = Some(blocks);
                Ok(())
            }
        }
    }

    /// Whether the page continues what came before.
    fn follow(&mut self, part: &Part) -> Result<(), Damage> {
        let page = &part.page;
        match &self.open {
            None if part.begins => self.seen.streams += 1,
            Some(open) if !part.begins && *open == page.aggregate => {}
            _ => return Err(Damage("its streams are not in order")),
        }
        self.open = (!page.last).then(|| page.aggregate.clone());
        self.seen.commands += page.commands.len() as u64;
        self.seen.events += page.commands.iter().map(|command| command.events.len() as u64).sum::<u64>();
        Ok(())
    }

    fn check_end(&mut self, blocks: &Blocks) -> Result<(), TapeError> {
        if blocks.checksum != self.tape.checksum {
            return Err(blocks.damaged(Damage("it was changed while it was read")));
        }
        self.is_over = self.open.is_none() && self.seen == self.tape.totals;
        match self.is_over {
            true => Ok(()),
            false => Err(blocks.damaged(Damage("its totals are not what it holds"))),
        }
    }
}

/// Reads and decompresses where nobody waits.
async fn off_thread<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, TapeError> + Send + 'static,
) -> Result<T, TapeError> {
    let failed = |error: tokio::task::JoinError| TapeError::Read(std::io::Error::other(error));
    tokio::task::spawn_blocking(read).await.map_err(failed)?
}
