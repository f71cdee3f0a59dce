//! Writes tapes.

use std::io::Write;

use cantus_model::{AggregateRef, Digest, HistoryPage, HistoryQuery};
use zstd::bulk::Compressor;

use super::{
    MAX_BLOCK_BYTES, Redactor, TapeComponent, TapeError, TapeHeader, Totals,
    block::{BlockKind, BlockWriter},
    columns::new_compressor,
    pack::{BlockPacker, RunEnd, unfit},
};

/// Writes a tape from front to back, in bounded memory. Without [`TapeWriter::finish`] it is cut off, and a reader refuses it.
pub struct TapeWriter<W> {
    blocks: BlockWriter<W>,
    compressor: Compressor<'static>,
    redactor: Option<Redactor>,
    packer: BlockPacker,
    /// The stream whose last page was not written yet.
    open_stream: Option<AggregateRef>,
    totals: Totals,
}

/// The summary of a tape that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeSummary {
    /// The totals of the tape.
    pub totals: Totals,
    /// Identifies the tape: a reader computes the same.
    pub checksum: Digest,
    /// Rules of the redaction that matched nothing; they may be misspelt.
    pub unused_rules: Vec<String>,
}

impl<W: Write> TapeWriter<W> {
    /// Begins a tape of the streams that `query` selects, with the components that decided them. A `redactor` replaces the values
    /// that its rules name.
    ///
    /// # Errors
    /// If it cannot be written, or the bytes of a component do not match its digest.
    pub fn new(
        out: W,
        query: &HistoryQuery,
        components: &[TapeComponent],
        redactor: Option<Redactor>,
    ) -> Result<Self, TapeError> {
        let mut writer = Self {
            blocks: BlockWriter::new(out)?,
            compressor: new_compressor().map_err(TapeError::Write)?,
            redactor,
            packer: BlockPacker::default(),
            open_stream: None,
            totals: Totals::default(),
        };
        let header = TapeHeader {
            query: writer.redactor.as_ref().map_or_else(|| query.clone(), |redactor| redactor.query(query)),
            components: components.iter().map(TapeComponent::to_header_entry).collect(),
            redacted: writer.redactor.as_ref().map(Redactor::rules).unwrap_or_default(),
        };
        let header = serde_json::to_vec(&header).map_err(|error| unfit(format!("its header: {error}")))?;
        writer.blocks.write(BlockKind::Header, &header)?;
        for component in components {
            writer.write_component(component)?;
        }
        Ok(writer)
    }

    fn write_component(&mut self, component: &TapeComponent) -> Result<(), TapeError> {
        let Some(bytes) = &component.bytes else { return Ok(()) };
        let (plugin, version) = (&component.plugin, &component.version);
        if Digest::of(bytes) != component.digest {
            return Err(unfit(format!("the bytes of {plugin} {version} are not {}", component.digest)));
        }
        if bytes.len() > MAX_BLOCK_BYTES {
            return Err(unfit(format!(
                "{plugin} {version} has {} bytes, {MAX_BLOCK_BYTES} are the limit",
                bytes.len()
            )));
        }
        self.blocks.write(BlockKind::Component, &self.compressor.compress(bytes).map_err(TapeError::Write)?)
    }

    /// Adds the next page. The streams must come one after another, each as a whole.
    ///
    /// # Errors
    /// If it cannot be written, the page contradicts itself or a page before it, a command is too large, or a value cannot be
    /// redacted. The tape is then useless.
    pub fn write(&mut self, page: HistoryPage) -> Result<(), TapeError> {
        let page = match &mut self.redactor {
            Some(redactor) => redactor.apply(page)?,
            None => page,
        };
        self.begin_stream(&page)?;
        for command in &page.commands {
            if command.record.aggregate != page.aggregate {
                return Err(unfit(format!("{} has a command of {}", page.aggregate, command.record.aggregate)));
            }
            self.flush_full_block()?;
            self.packer.push(command)?;
            self.totals.events += command.events.len() as u64;
        }
        self.totals.commands += page.commands.len() as u64;
        if page.last {
            self.packer.close_run(RunEnd::StreamEnds);
            self.open_stream = None;
        }
        Ok(())
    }

    /// Begins the stream of a page, unless the page continues the open one.
    fn begin_stream(&mut self, HistoryPage { aggregate, commands, .. }: &HistoryPage) -> Result<(), TapeError> {
        match &self.open_stream {
            Some(open) if open == aggregate => Ok(()),
            Some(open) => Err(unfit(format!("{aggregate} begins before {open} has ended"))),
            None if commands.is_empty() => Err(unfit(format!("{aggregate} begins without a command"))),
            None => {
                self.flush_full_block()?;
                self.packer.open_run(aggregate.clone(), None);
                self.open_stream = Some(aggregate.clone());
                self.totals.streams += 1;
                Ok(())
            }
        }
    }

    /// Writes a full block, just before the next command: so the blocks do not depend on the ends of pages.
    fn flush_full_block(&mut self) -> Result<(), TapeError> {
        if self.packer.is_full() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TapeError> {
        let body = self.packer.take_block().compress(&mut self.compressor).map_err(TapeError::Write)?;
        self.blocks.write(BlockKind::Streams, &body)
    }

    /// Ends the tape and flushes its output. The caller makes it durable.
    ///
    /// # Errors
    /// If it cannot be written, or a stream's last page is missing.
    pub fn finish(mut self) -> Result<(W, TapeSummary), TapeError> {
        if let Some(open) = &self.open_stream {
            return Err(unfit(format!("{open} has not ended")));
        }
        if !self.packer.is_empty() {
            self.flush()?;
        }
        self.blocks.write(BlockKind::End, &self.totals.encode())?;
        let (out, checksum) = self.blocks.finish()?;
        let unused_rules = self.redactor.as_ref().map(Redactor::unused).unwrap_or_default();
        Ok((out, TapeSummary { totals: self.totals, checksum, unused_rules }))
    }
}
