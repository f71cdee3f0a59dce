//! Unpacks the commands of a block.

use cantus_model::{
    AggregateRef, Command, CommandRecord, Context, Digest, HistoryPage, Message, Outcome, RecordedCommand, Rejection,
    Timestamp,
};

use super::{MAX_BLOCK, MAX_COMMAND, PAGE, bytes::Column, columns::Columns, course::Course, error::Damage, form::Form};

/// The commands of a block that are not read yet.
#[derive(Debug)]
pub(super) struct Unpacker {
    columns: Columns<Column>,
    forms: Vec<Form>,
    course: Course,
    run: Option<Run>,
}

/// What is left of consecutive commands of one stream.
#[derive(Debug)]
struct Run {
    aggregate: AggregateRef,
    begins: bool,
    last: bool,
    left: u64,
}

/// What a block yields.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) page: HistoryPage,
    /// Whether the stream begins with it.
    pub(super) begins: bool,
}

impl Unpacker {
    pub(super) fn new(body: Vec<u8>) -> Result<Self, Damage> {
        let mut columns = Columns::decompress(body)?;
        let (mut forms, mut left) = (vec![], MAX_BLOCK);
        while !columns.forms.is_empty() {
            forms.push(Form::read(&mut columns.forms, &mut left)?);
        }
        Ok(Self { columns, forms, course: Course::default(), run: None })
    }

    /// The next page; none at the end of the block.
    pub(super) fn next(&mut self) -> Result<Option<Part>, Damage> {
        let run = match self.run.take() {
            Some(run) => run,
            None if !self.columns.runs.is_empty() => self.run()?,
            None if self.columns.is_read() => return Ok(None),
            None => return Err(Damage("it holds more than its commands")),
        };
        self.page(run).map(Some)
    }

    fn run(&mut self) -> Result<Run, Damage> {
        let column = &mut self.columns.runs;
        let &[flags] = column.take(1)? else { return Err(Damage("a stream is cut off")) };
        if flags > 3 {
            return Err(Damage("a stream has marks that are not known"));
        }
        let (last, begins) = (flags & 1 == 1, flags & 2 == 0);
        let aggregate = AggregateRef { aggregate_type: column.text()?.to_owned(), id: column.text()?.to_owned() };
        self.course.start(if begins { 0 } else { column.number()? });
        match column.number()? {
            0 => Err(Damage("a stream has no commands")),
            left => Ok(Run { aggregate, begins, last, left }),
        }
    }

    fn page(&mut self, mut run: Run) -> Result<Part, Damage> {
        let (mut commands, mut weight) = (vec![], 0);
        while run.left > 0 && weight < PAGE {
            let (command, weighs) = self.command(&run.aggregate)?;
            commands.push(command);
            weight += weighs;
            run.left -= 1;
        }
        let (begins, is_over) = (std::mem::take(&mut run.begins), run.left == 0);
        let (aggregate, last) = (run.aggregate.clone(), run.last && is_over);
        self.run = Some(run).filter(|_| !is_over);
        Ok(Part { page: HistoryPage { aggregate, commands, last }, begins })
    }

    /// The next command, and what it weighs.
    fn command(&mut self, aggregate: &AggregateRef) -> Result<(RecordedCommand, usize), Damage> {
        let shape: usize = self.columns.shapes.small()?;
        let form = self.forms.get(shape).ok_or(Damage("a command has a form that is not there"))?;
        let mut take = Take { columns: &mut self.columns, weight: 0 };
        take.weighs(form.weight())?;
        take.weighs(aggregate.aggregate_type.len() + aggregate.id.len())?;
        let (record, events) = take.command(form, aggregate, &self.course)?;
        let weight = take.weight;
        self.course.follow(&record);
        Ok((RecordedCommand { record, events }, weight))
    }
}

/// Takes one command out of the columns.
struct Take<'a> {
    columns: &'a mut Columns<Column>,
    weight: usize,
}

impl Take<'_> {
    fn weighs(&mut self, bytes: usize) -> Result<(), Damage> {
        self.weight = self.weight.saturating_add(bytes);
        if self.weight > MAX_COMMAND { Err(Damage("a command is too large")) } else { Ok(()) }
    }

    fn text(&mut self) -> Result<String, Damage> {
        let text = self.columns.texts.text()?.to_owned();
        self.weighs(text.len())?;
        Ok(text)
    }

    fn payload(&mut self) -> Result<Vec<u8>, Damage> {
        let size = self.columns.numbers.small()?;
        let payload = self.columns.payloads.take(size)?.to_vec();
        self.weighs(payload.len())?;
        Ok(payload)
    }

    /// In the order in which the packer wrote it.
    fn command(
        &mut self,
        form: &Form,
        aggregate: &AggregateRef,
        course: &Course,
    ) -> Result<(CommandRecord, Vec<Message>), Damage> {
        let (has, expected) = (form.has, course.next);
        let now = Timestamp(self.columns.times.distance(expected.time)?);
        let first_offset = has.offset.then(|| self.columns.offsets.distance(expected.offset)).transpose()?;
        let base_version = if has.own_version { self.columns.numbers.number()? } else { course.version };
        if base_version.checked_add(form.events.len() as u64).is_none() {
            return Err(Damage("a version is too large"));
        }
        if form.rejected.is_some() && !form.events.is_empty() {
            return Err(Damage("a rejection has events"));
        }
        let own_seed = has.own_seed.then(|| self.columns.numbers.number()).transpose()?;
        let rest = self.text()?;
        let command_id = if has.aggregate_in_id { [aggregate.id.as_str(), &rest].concat() } else { rest };
        let correlation_id = if has.own_correlation { self.text()? } else { command_id.clone() };
        let causation_id = has.causation.then(|| self.text()).transpose()?;
        let actor = has.actor.then(|| self.text()).transpose()?;
        let values = form.metadata.iter().map(|key| Ok((key.clone(), self.text()?)));
        let metadata = values.collect::<Result<_, Damage>>()?;
        let request_hash = match form.request {
            Some(_) => Digest::from_bytes([0; 32]),
            None => digest(self.columns.texts.take(32)?)?,
        };
        let message = form.rejected.as_ref().map(|_| self.text()).transpose()?;
        let command =
            Message { name: form.command.name.clone(), version: form.command.version, payload: self.payload()? };
        let outcome = match form.rejected.clone().zip(message) {
            Some((code, message)) => {
                let detail = has.detail.then(|| self.payload()).transpose()?;
                Outcome::Rejected(Rejection { code, message, detail })
            }
            None => Outcome::Accepted { events: form.events.len() as u32 },
        };
        let event = |kind: &cantus_model::MessageKind| {
            Ok(Message { name: kind.name.clone(), version: kind.version, payload: self.payload()? })
        };
        let events = form.events.iter().map(event).collect::<Result<_, Damage>>()?;
        let seed = own_seed.unwrap_or_else(|| Command::seed_of(&command_id));
        let context = Context { command_id, now, seed, correlation_id, causation_id, actor, metadata };
        let (aggregate, component) = (aggregate.clone(), form.component);
        let mut record =
            CommandRecord { aggregate, request_hash, base_version, command, context, outcome, first_offset, component };
        form.request.into_iter().for_each(|request| request.apply(&mut record));
        Ok((record, events))
    }
}

fn digest(bytes: &[u8]) -> Result<Digest, Damage> {
    bytes.try_into().map(Digest::from_bytes).map_err(|_| Damage("a digest has not 32 bytes"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::tape::{columns::compressor, pack::Packer};

    fn message(name: &str, payload: &str) -> Message {
        Message { name: name.into(), version: 1, payload: payload.into() }
    }

    /// A command with all that one can have.
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

    fn packed() -> Columns<Vec<u8>> {
        let rejection =
            Rejection { code: "poor".into(), message: "it lacks 3".into(), detail: Some(b"{\"lacks\":3}".to_vec()) };
        let mut packer = Packer::default();
        for (id, goes_on_at) in [("a", Some(300)), ("b", None)] {
            let aggregate = AggregateRef::new("Account", id);
            packer.open(aggregate.clone(), goes_on_at);
            packer.push(&command(&aggregate, Outcome::Accepted { events: 1 }, 300)).unwrap();
            packer.push(&command(&aggregate, Outcome::Rejected(rejection.clone()), 1)).unwrap();
            packer.close(id == "a");
        }
        packer.take()
    }

    /// Reads all of a block, as far as it goes.
    fn unpack(columns: &Columns<Vec<u8>>) -> Result<Vec<RecordedCommand>, Damage> {
        let mut unpacker = Unpacker::new(columns.compress(&mut compressor().unwrap()).unwrap())?;
        let mut commands = vec![];
        while let Some(part) = unpacker.next()? {
            commands.extend(part.page.commands);
        }
        Ok(commands)
    }

    /// A file whose checksums are right may still have been made by anybody.
    #[test]
    fn whatever_a_block_says_is_an_error_at_worst() {
        let whole = unpack(&packed()).unwrap();
        assert_eq!(whole.len(), 4);
        let (mut refused, mut taken) = (0, 0);
        for place in 0..8 {
            for at in 0..packed().each()[place].len() {
                let mut try_it = |change: &dyn Fn(&mut Vec<u8>)| {
                    let mut columns = packed();
                    change(columns.each_mut()[place]);
                    match unpack(&columns) {
                        Ok(_) => taken += 1,
                        Err(_) => refused += 1,
                    }
                };
                (0..8).for_each(|bit| try_it(&|column| column[at] ^= 1 << bit));
                [0, 1, 0x7f, 0x80, 0xff].iter().for_each(|byte| try_it(&|column| column[at] = *byte));
                try_it(&|column| column.truncate(at));
                // The largest number there is, instead of the one that begins here.
                try_it(&|column| drop(column.splice(at..=at, [[0xff; 9].as_slice(), &[1]].concat())));
            }
        }
        assert!(refused > 1_000 && taken > 1_000, "{refused} refused, {taken} taken");
    }

    /// Millions of them would fit a few kilobytes, and each is a page.
    #[test]
    fn a_stream_without_commands_is_refused() {
        let columns = Columns { runs: [1, 1, b'A', 1, b'a', 0].repeat(9), ..Columns::<Vec<u8>>::default() };
        assert_eq!(unpack(&columns).unwrap_err(), Damage("a stream has no commands"));
    }

    #[test]
    fn a_command_with_ever_more_kinds_of_events_is_refused() {
        let aggregate = AggregateRef::new("Account", "a");
        let with = |kinds: usize| {
            let events = (0..3_000).map(|n| message(&format!("E{}", n % kinds), "")).collect();
            RecordedCommand { events, ..command(&aggregate, Outcome::Accepted { events: 3_000 }, 0) }
        };
        let mut packer = Packer::default();
        packer.open(aggregate.clone(), None);
        packer.push(&with(1_024)).unwrap();
        let refused = packer.push(&with(1_025)).unwrap_err().to_string();
        assert!(refused.contains("a/0 has events of more than 1024 kinds"), "{refused}");
        packer.close(true);
        assert_eq!(unpack(&packer.take()).unwrap()[0].events, with(1_024).events);

        let mut columns = Columns::<Vec<u8>>::default();
        Form::of(&with(1_025), 0).write(&mut columns.forms);
        assert_eq!(unpack(&columns).unwrap_err(), Damage("a command has events of too many kinds"));
    }

    #[test]
    fn a_command_that_would_fill_the_memory_is_refused() {
        let aggregate = AggregateRef::new("Account", "a");
        let mut columns = Columns::<Vec<u8>>::default();
        let kind = |name: &str| cantus_model::MessageKind { name: name.into(), version: 1 };
        let mut form = Form::of(&command(&aggregate, Outcome::Accepted { events: 1 }, 0), 0);
        // A short block that says of one command that it has a million events with long names.
        form.events = vec![kind(&"x".repeat(40)); 1_000_000];
        form.write(&mut columns.forms);
        assert!(columns.forms.len() < MAX_BLOCK);
        columns.runs = vec![1, 1, b'A', 1, b'a', 1];
        columns.shapes = vec![0];
        assert_eq!(unpack(&columns).unwrap_err(), Damage("a command is too large"));
        form.events = vec![kind(&"x".repeat(40)); 2_000_000];
        columns.forms.clear();
        form.write(&mut columns.forms);
        assert_eq!(unpack(&columns).unwrap_err(), Damage("its forms are too large"));
        let bomb = Columns { payloads: vec![0; MAX_BLOCK + 1], ..Columns::default() };
        assert_eq!(unpack(&bomb).unwrap_err(), Damage("it is too large"));
    }
}
