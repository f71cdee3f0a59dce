//! Unpacks the commands of a block.

use cantus_model::{
    AggregateRef, Command, CommandRecord, Context, Digest, HistoryPage, Message, MessageKind, Outcome, RecordedCommand,
    Rejection, Timestamp,
};

use super::{
    MAX_BLOCK_BYTES, MAX_COMMAND_BYTES, PAGE_BYTES, bytes::ByteReader, columns::BlockColumns,
    command_shape::CommandShape, decode_error::DecodeError, predictor::Predictor,
};

/// Unpacks one block.
#[derive(Debug)]
pub(super) struct BlockUnpacker {
    columns: BlockColumns<ByteReader>,
    shapes: Vec<CommandShape>,
    predictor: Predictor,
    run: Option<RemainingRun>,
}

/// The part of a run of commands that is not read yet.
#[derive(Debug)]
struct RemainingRun {
    aggregate: AggregateRef,
    /// The stream begins with it.
    begins: bool,
    /// The stream ends with it.
    ends: bool,
    commands: u64,
}

/// A page of a block.
#[derive(Debug)]
pub(super) struct UnpackedPage {
    pub(super) page: HistoryPage,
    /// The stream begins with it.
    pub(super) begins: bool,
}

impl BlockUnpacker {
    pub(super) fn new(body: Vec<u8>) -> Result<Self, DecodeError> {
        let mut columns = BlockColumns::decompress(body)?;
        let (mut shapes, mut room) = (vec![], MAX_BLOCK_BYTES);
        while !columns.shapes.is_empty() {
            shapes.push(CommandShape::read(&mut columns.shapes, &mut room)?);
        }
        Ok(Self { columns, shapes, predictor: Predictor::default(), run: None })
    }

    /// Reads the next page; `None` at the end of the block.
    pub(super) fn next_page(&mut self) -> Result<Option<UnpackedPage>, DecodeError> {
        let run = match self.run.take() {
            Some(run) => run,
            None if !self.columns.runs.is_empty() => self.read_run()?,
            None if self.columns.is_read() => return Ok(None),
            None => return Err(DecodeError("bytes follow its commands")),
        };
        self.read_page(run).map(Some)
    }

    fn read_run(&mut self) -> Result<RemainingRun, DecodeError> {
        let column = &mut self.columns.runs;
        let &[flags] = column.take(1)? else { return Err(DecodeError("a stream is cut off")) };
        if flags > 3 {
            return Err(DecodeError("a stream has unknown flags"));
        }
        let (ends, begins) = (flags & 1 == 1, flags & 2 == 0);
        let aggregate =
            AggregateRef { aggregate_type: column.read_text()?.to_owned(), id: column.read_text()?.to_owned() };
        self.predictor.start_stream(if begins { 0 } else { column.read_number()? });
        match column.read_number()? {
            0 => Err(DecodeError("a stream has no commands")),
            commands => Ok(RemainingRun { aggregate, begins, ends, commands }),
        }
    }

    fn read_page(&mut self, mut run: RemainingRun) -> Result<UnpackedPage, DecodeError> {
        let (mut commands, mut weight) = (vec![], 0);
        while run.commands > 0 && weight < PAGE_BYTES {
            let (command, weighs) = self.read_command(&run.aggregate)?;
            commands.push(command);
            weight += weighs;
            run.commands -= 1;
        }
        let (begins, is_over) = (std::mem::take(&mut run.begins), run.commands == 0);
        let (aggregate, last) = (run.aggregate.clone(), run.ends && is_over);
        self.run = Some(run).filter(|_| !is_over);
        Ok(UnpackedPage { page: HistoryPage { aggregate, commands, last }, begins })
    }

    /// Reads the next command, and its weight.
    fn read_command(&mut self, aggregate: &AggregateRef) -> Result<(RecordedCommand, usize), DecodeError> {
        let index: usize = self.columns.shape_indexes.read_small()?;
        let shape = self.shapes.get(index).ok_or(DecodeError("a command has an unknown shape"))?;
        let mut decoder = CommandDecoder { columns: &mut self.columns, weight: 0 };
        decoder.add_weight(shape.weight())?;
        decoder.add_weight(aggregate.aggregate_type.len() + aggregate.id.len())?;
        let (record, events) = decoder.decode(shape, aggregate, &self.predictor)?;
        let weight = decoder.weight;
        self.predictor.observe(&record);
        Ok((RecordedCommand { record, events }, weight))
    }
}

/// Decodes one command from the columns, and bounds its weight.
struct CommandDecoder<'a> {
    columns: &'a mut BlockColumns<ByteReader>,
    weight: usize,
}

impl CommandDecoder<'_> {
    fn add_weight(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.weight = self.weight.saturating_add(bytes);
        if self.weight > MAX_COMMAND_BYTES { Err(DecodeError("a command is too large")) } else { Ok(()) }
    }

    fn read_text(&mut self) -> Result<String, DecodeError> {
        let text = self.columns.texts.read_text()?.to_owned();
        self.add_weight(text.len())?;
        Ok(text)
    }

    fn read_payload(&mut self) -> Result<Vec<u8>, DecodeError> {
        let size = self.columns.numbers.read_small()?;
        let payload = self.columns.payloads.take(size)?.to_vec();
        self.add_weight(payload.len())?;
        Ok(payload)
    }

    /// Reads the values in the order in which the packer wrote them.
    fn decode(
        &mut self,
        shape: &CommandShape,
        aggregate: &AggregateRef,
        predictor: &Predictor,
    ) -> Result<(CommandRecord, Vec<Message>), DecodeError> {
        let (flags, expected) = (shape.flags, predictor.next);
        let now = Timestamp(self.columns.times.read_distance(expected.time)?);
        let first_offset = flags.offset.then(|| self.columns.offsets.read_distance(expected.offset)).transpose()?;
        let base_version = if flags.own_version { self.columns.numbers.read_number()? } else { predictor.version };
        if base_version.checked_add(shape.events.len() as u64).is_none() {
            return Err(DecodeError("a version is too large"));
        }
        if shape.rejection_code.is_some() && !shape.events.is_empty() {
            return Err(DecodeError("a rejection has events"));
        }
        let own_seed = flags.own_seed.then(|| self.columns.numbers.read_number()).transpose()?;
        let rest = self.read_text()?;
        let command_id = if flags.aggregate_in_id { [aggregate.id.as_str(), &rest].concat() } else { rest };
        let correlation_id = if flags.own_correlation { self.read_text()? } else { command_id.clone() };
        let causation_id = flags.causation.then(|| self.read_text()).transpose()?;
        let actor = flags.actor.then(|| self.read_text()).transpose()?;
        let values = shape.metadata_keys.iter().map(|key| Ok((key.clone(), self.read_text()?)));
        let metadata = values.collect::<Result<_, DecodeError>>()?;
        let request_hash = match shape.request {
            Some(_) => Digest::from_bytes([0; 32]),
            None => read_digest(self.columns.texts.take(32)?)?,
        };
        let message = shape.rejection_code.as_ref().map(|_| self.read_text()).transpose()?;
        let command =
            Message { name: shape.command.name.clone(), version: shape.command.version, payload: self.read_payload()? };
        let outcome = match shape.rejection_code.clone().zip(message) {
            Some((code, message)) => {
                let detail = flags.detail.then(|| self.read_payload()).transpose()?;
                Outcome::Rejected(Rejection { code, message, detail })
            }
            None => Outcome::Accepted { events: shape.events.len() as u32 },
        };
        let event = |kind: &MessageKind| {
            Ok(Message { name: kind.name.clone(), version: kind.version, payload: self.read_payload()? })
        };
        let events = shape.events.iter().map(event).collect::<Result<_, DecodeError>>()?;
        let seed = own_seed.unwrap_or_else(|| Command::seed_of(&command_id));
        let context = Context { command_id, now, seed, correlation_id, causation_id, actor, metadata };
        let (aggregate, component) = (aggregate.clone(), shape.component);
        let mut record =
            CommandRecord { aggregate, request_hash, base_version, command, context, outcome, first_offset, component };
        if let Some(request) = shape.request_shape() {
            record.request_hash = request.hash(&record.aggregate, &record.command, record.base_version);
        }
        Ok((record, events))
    }
}

fn read_digest(bytes: &[u8]) -> Result<Digest, DecodeError> {
    bytes.try_into().map(Digest::from_bytes).map_err(|_| DecodeError("a digest does not have 32 bytes"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::tape::{
        columns::new_compressor,
        pack::{BlockPacker, RunEnd},
    };

    fn message(name: &str, payload: &str) -> Message {
        Message { name: name.into(), version: 1, payload: payload.into() }
    }

    /// A command that has every optional value.
    fn command(aggregate: &AggregateRef, outcome: Outcome, odd: u64) -> RecordedCommand {
        let events = matches!(outcome, Outcome::Accepted { .. }).then(|| message("Opened", "{}"));
        let record = CommandRecord {
            aggregate: aggregate.clone(),
            request_hash: Digest::of(b"of something else"),
            base_version: odd,
            command: message("Open", "{\"of\":1}"),
            context: Context {
                command_id: format!("{}/{odd}", aggregate.id),
                now: Timestamp(1_000 + odd),
                seed: odd,
                correlation_id: "first".into(),
                causation_id: Some("before".into()),
                actor: Some("Ada".into()),
                metadata: vec![("trace".into(), "t".into())],
            },
            outcome,
            first_offset: Some(odd),
            component: Digest::of(b"bank"),
        };
        RecordedCommand { record, events: events.into_iter().collect() }
    }

    fn packed() -> BlockColumns<Vec<u8>> {
        let rejection =
            Rejection { code: "poor".into(), message: "it lacks 3".into(), detail: Some(b"{\"lacks\":3}".to_vec()) };
        let mut packer = BlockPacker::default();
        for (id, continues_at, end) in [("a", Some(300), RunEnd::StreamEnds), ("b", None, RunEnd::StreamContinues)] {
            let aggregate = AggregateRef::new("Account", id);
            packer.open_run(aggregate.clone(), continues_at);
            packer.push(&command(&aggregate, Outcome::Accepted { events: 1 }, 300)).unwrap();
            packer.push(&command(&aggregate, Outcome::Rejected(rejection.clone()), 1)).unwrap();
            packer.close_run(end);
        }
        packer.take_block()
    }

    /// Reads a block up to its first error.
    fn unpack(columns: &BlockColumns<Vec<u8>>) -> Result<Vec<RecordedCommand>, DecodeError> {
        let mut unpacker = BlockUnpacker::new(columns.compress(&mut new_compressor().unwrap()).unwrap())?;
        let mut commands = vec![];
        while let Some(unpacked) = unpacker.next_page()? {
            commands.extend(unpacked.page.commands);
        }
        Ok(commands)
    }

    /// Correct checksums do not prove who wrote a file.
    #[test]
    fn a_forged_block_never_panics() {
        let whole = unpack(&packed()).unwrap();
        assert_eq!(whole.len(), 4);
        let (mut refused, mut accepted) = (0, 0);
        for column in 0..8 {
            for at in 0..packed().each()[column].len() {
                let mut try_it = |change: &dyn Fn(&mut Vec<u8>)| {
                    let mut columns = packed();
                    change(columns.each_mut()[column]);
                    match unpack(&columns) {
                        Ok(_) => accepted += 1,
                        Err(_) => refused += 1,
                    }
                };
                (0..8).for_each(|bit| try_it(&|bytes| bytes[at] ^= 1 << bit));
                [0, 1, 0x7f, 0x80, 0xff].iter().for_each(|byte| try_it(&|bytes| bytes[at] = *byte));
                try_it(&|bytes| bytes.truncate(at));
                // The largest number, in the place of the number that begins here.
                try_it(&|bytes| drop(bytes.splice(at..=at, [[0xff; 9].as_slice(), &[1]].concat())));
            }
        }
        assert!(refused > 1_000 && accepted > 1_000, "{refused} refused, {accepted} accepted");
    }

    /// Millions of them would fit into a few kilobytes, and each is a page.
    #[test]
    fn a_stream_without_commands_is_refused() {
        let columns = BlockColumns { runs: [1, 1, b'A', 1, b'a', 0].repeat(9), ..BlockColumns::<Vec<u8>>::default() };
        assert_eq!(unpack(&columns).unwrap_err(), DecodeError("a stream has no commands"));
    }

    #[test]
    fn a_command_with_too_many_kinds_of_events_is_refused() {
        let aggregate = AggregateRef::new("Account", "a");
        let with = |kinds: usize| {
            let events = (0..3_000).map(|n| message(&format!("E{}", n % kinds), "")).collect();
            RecordedCommand { events, ..command(&aggregate, Outcome::Accepted { events: 3_000 }, 0) }
        };
        let mut packer = BlockPacker::default();
        packer.open_run(aggregate.clone(), None);
        packer.push(&with(1_024)).unwrap();
        let refused = packer.push(&with(1_025)).unwrap_err().to_string();
        assert!(refused.contains("a/0 has events of more than 1024 kinds"), "{refused}");
        packer.close_run(RunEnd::StreamEnds);
        assert_eq!(unpack(&packer.take_block()).unwrap()[0].events, with(1_024).events);

        let mut columns = BlockColumns::<Vec<u8>>::default();
        CommandShape::of(&with(1_025), 0).write(&mut columns.shapes);
        assert_eq!(unpack(&columns).unwrap_err(), DecodeError("a command has events of too many kinds"));
    }

    #[test]
    fn a_command_that_would_fill_the_memory_is_refused() {
        let aggregate = AggregateRef::new("Account", "a");
        let mut columns = BlockColumns::<Vec<u8>>::default();
        let kind = |name: &str| MessageKind { name: name.into(), version: 1 };
        let mut shape = CommandShape::of(&command(&aggregate, Outcome::Accepted { events: 1 }, 0), 0);
        // A short block with one command that claims a million events with long names.
        shape.events = vec![kind(&"x".repeat(40)); 1_000_000];
        shape.write(&mut columns.shapes);
        assert!(columns.shapes.len() < MAX_BLOCK_BYTES);
        columns.runs = vec![1, 1, b'A', 1, b'a', 1];
        columns.shape_indexes = vec![0];
        assert_eq!(unpack(&columns).unwrap_err(), DecodeError("a command is too large"));
        shape.events = vec![kind(&"x".repeat(40)); 2_000_000];
        columns.shapes.clear();
        shape.write(&mut columns.shapes);
        assert_eq!(unpack(&columns).unwrap_err(), DecodeError("its command shapes are too large"));
        let bomb = BlockColumns { payloads: vec![0; MAX_BLOCK_BYTES + 1], ..BlockColumns::default() };
        assert_eq!(unpack(&bomb).unwrap_err(), DecodeError("it is too large"));
    }
}
