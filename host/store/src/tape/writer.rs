//! Writing a tape.

use std::io::Write;

use cantus_model::{AggregateRef, Digest, HistoryPage, HistoryQuery};
use zstd::bulk::Compressor;

use super::{
    MAX_BLOCK, Redactor, TapeComponent, TapeError, TapeHeader, Totals,
    block::{BlockWriter, Kind},
    columns::compressor,
    pack::{Packer, unfit},
};

/// Writes a tape, front to back, in bounded memory. It is whole only after [`TapeWriter::finish`]: without, whoever reads
/// it says that it is cut off.
pub struct TapeWriter<W> {
    blocks: BlockWriter<W>,
    compressor: Compressor<'static>,
    redactor: Option<Redactor>,
    packer: Packer,
    /// The stream whose last page has not come yet.
    open: Option<AggregateRef>,
    totals: Totals,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeSummary {
    /// How much is on the tape.
    pub totals: Totals,
    /// Names the tape: the reader finds the same.
    pub checksum: Digest,
    /// Rules of the redaction that met nothing: perhaps they are misspelt.
    pub unused_rules: Vec<String>,
}

impl<W: Write> TapeWriter<W> {
    /// Begins a tape of what `query` selects, with the components that decided it. With a `redactor`, what its rules name
    /// does not reach the tape.
    ///
    /// # Errors
    /// If it cannot be written, or a component's bytes are not those of its digest.
    pub fn new(
        out: W,
        query: &HistoryQuery,
        components: &[TapeComponent],
        redactor: Option<Redactor>,
    ) -> Result<Self, TapeError> {
        let mut writer = Self {
            blocks: BlockWriter::new(out)?,
            compressor: compressor().map_err(TapeError::Write)?,
            redactor,
            packer: Packer::default(),
            open: None,
            totals: Totals::default(),
        };
        let header = TapeHeader {
            query: writer.redactor.as_ref().map_or_else(|| query.clone(), |redactor| redactor.query(query)),
            components: components.iter().map(TapeComponent::entry).collect(),
            redacted: writer.redactor.as_ref().map(Redactor::rules).unwrap_or_default(),
        };
        let header = serde_json::to_vec(&header).map_err(|error| unfit(format!("its header: {error}")))?;
        writer.blocks.write(Kind::Header, &header)?;
        for component in components {
            writer.component(component)?;
        }
        Ok(writer)
    }

    fn component(&mut self, component: &TapeComponent) -> Result<(), TapeError> {
        let Some(bytes) = &component.bytes else { return Ok(()) };
        let (plugin, version) = (&component.plugin, &component.version);
        if Digest::of(bytes) != component.digest {
            return Err(unfit(format!("the bytes of {plugin} {version} are not {}", component.digest)));
        }
        if bytes.len() > MAX_BLOCK {
            return Err(unfit(format!("{plugin} {version} has {} bytes, {MAX_BLOCK} are the limit", bytes.len())));
        }
        self.blocks.write(Kind::Component, &self.compressor.compress(bytes).map_err(TapeError::Write)?)
    }

    /// Adds the next page. The streams come one after another, each as a whole.
    ///
    /// # Errors
    /// If it cannot be written, the page contradicts itself or what came before, a command is too large, or what must be
    /// redacted cannot be. The tape is then useless.
    pub fn write(&mut self, page: HistoryPage) -> Result<(), TapeError> {
        let page = match &mut self.redactor {
            Some(redactor) => redactor.apply(page)?,
            None => page,
        };
        self.stream(&page)?;
        for command in &page.commands {
            if command.record.aggregate != page.aggregate {
                return Err(unfit(format!("{} has a command of {}", page.aggregate, command.record.aggregate)));
            }
            self.make_room()?;
            self.packer.push(command)?;
            self.totals.events += command.events.len() as u64;
        }
        self.totals.commands += page.commands.len() as u64;
        if page.last {
            self.packer.close(true);
            self.open = None;
        }
        Ok(())
    }

    /// The page belongs to this stream.
    fn stream(&mut self, HistoryPage { aggregate, commands, .. }: &HistoryPage) -> Result<(), TapeError> {
        match &self.open {
            Some(open) if open == aggregate => Ok(()),
            Some(open) => Err(unfit(format!("{aggregate} begins before {open} has ended"))),
            None if commands.is_empty() => Err(unfit(format!("{aggregate} begins without a command"))),
            None => {
                self.make_room()?;
                self.packer.open(aggregate.clone(), None);
                self.open = Some(aggregate.clone());
                self.totals.streams += 1;
                Ok(())
            }
        }
    }

    /// Only when something more comes in: so the blocks do not depend on where a page ended.
    fn make_room(&mut self) -> Result<(), TapeError> {
        if self.packer.is_full() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TapeError> {
        let body = self.packer.take().compress(&mut self.compressor).map_err(TapeError::Write)?;
        self.blocks.write(Kind::Streams, &body)
    }

    /// Ends the tape and flushes what it was written to. Whether that is durable is the caller's business.
    ///
    /// # Errors
    /// If it cannot be written, or a stream's last page is missing.
    pub fn finish(mut self) -> Result<(W, TapeSummary), TapeError> {
        if let Some(open) = &self.open {
            return Err(unfit(format!("{open} has not ended")));
        }
        if !self.packer.is_empty() {
            self.flush()?;
        }
        self.blocks.write(Kind::End, &self.totals.encode())?;
        let (out, checksum) = self.blocks.finish()?;
        let unused_rules = self.redactor.as_ref().map(Redactor::unused).unwrap_or_default();
        Ok((out, TapeSummary { totals: self.totals, checksum, unused_rules }))
    }
}
