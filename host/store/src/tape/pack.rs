//! Packs commands into the columns of a block.

use std::collections::HashMap;

use cantus_model::{AggregateRef, Outcome, RecordedCommand};

use super::{
    BLOCK, MAX_COMMAND, TapeError,
    bytes::{put_bytes, put_distance, put_number},
    columns::Columns,
    course::Course,
    form::{Form, KINDS},
};

/// Consecutive commands of one stream, within one block.
#[derive(Debug)]
struct Run {
    aggregate: AggregateRef,
    /// For a stream that began in an earlier block: the version that it stood at.
    goes_on_at: Option<u64>,
    commands: u64,
}

/// A block in the making.
#[derive(Debug, Default)]
pub(super) struct Packer {
    columns: Columns<Vec<u8>>,
    forms: HashMap<Form, u64>,
    /// What the forms weigh.
    weight: usize,
    course: Course,
    run: Option<Run>,
}

impl Packer {
    /// Whether it should be written before anything more comes in.
    pub(super) fn is_full(&self) -> bool {
        self.columns.size() + self.weight >= BLOCK
    }

    pub(super) fn is_empty(&self) -> bool {
        self.columns.size() == 0 && self.run.is_none()
    }

    /// A stream begins, or goes on from an earlier block at a version.
    pub(super) fn open(&mut self, aggregate: AggregateRef, goes_on_at: Option<u64>) {
        self.course.start(goes_on_at.unwrap_or(0));
        self.run = Some(Run { aggregate, goes_on_at, commands: 0 });
    }

    /// The stream ends, or will go on in a later block.
    pub(super) fn close(&mut self, last: bool) {
        let Some(run) = self.run.take() else { return };
        let out = &mut self.columns.runs;
        out.push(u8::from(last) | u8::from(run.goes_on_at.is_some()) << 1);
        put_bytes(out, run.aggregate.aggregate_type.as_bytes());
        put_bytes(out, run.aggregate.id.as_bytes());
        run.goes_on_at.iter().for_each(|version| put_number(out, *version));
        put_number(out, run.commands);
    }

    /// Breaks the stream off, so that it goes on in the next block. Returns the columns.
    pub(super) fn take(&mut self) -> Columns<Vec<u8>> {
        let version = self.course.version;
        let aggregate = self.run.as_ref().map(|run| run.aggregate.clone());
        self.close(false);
        let packed = std::mem::take(self);
        aggregate.into_iter().for_each(|aggregate| self.open(aggregate, Some(version)));
        packed.columns
    }

    /// Adds a command of the open stream.
    pub(super) fn push(&mut self, command: &RecordedCommand) -> Result<(), TapeError> {
        check(command)?;
        let form = Form::of(command, self.course.version);
        if form.has_too_many_kinds() {
            let id = &command.record.context.command_id;
            return Err(unfit(format!("{id} has events of more than {KINDS} kinds")));
        }
        let (before, weight) = (self.columns.size(), form.weight());
        self.write(command, &form);
        let of = &command.record.aggregate;
        let weighs = weight + of.aggregate_type.len() + of.id.len() + self.columns.size() - before;
        if weighs > MAX_COMMAND {
            let id = &command.record.context.command_id;
            return Err(unfit(format!("{id} has {weighs} bytes with its events, {MAX_COMMAND} are the limit")));
        }
        let next = self.forms.len() as u64;
        let shape = *self.forms.entry(form).or_insert_with_key(|form| {
            form.write(&mut self.columns.forms);
            self.weight += weight;
            next
        });
        put_number(&mut self.columns.shapes, shape);
        self.course.follow(&command.record);
        self.run.iter_mut().for_each(|run| run.commands += 1);
        Ok(())
    }

    fn write(&mut self, RecordedCommand { record, events }: &RecordedCommand, form: &Form) {
        let Columns { times, offsets, numbers, texts, payloads, .. } = &mut self.columns;
        let (context, has, expected) = (&record.context, form.has, self.course.next);
        put_distance(times, context.now.0, expected.time);
        record.first_offset.iter().for_each(|offset| put_distance(offsets, *offset, expected.offset));
        if has.own_version {
            put_number(numbers, record.base_version);
        }
        if has.own_seed {
            put_number(numbers, context.seed);
        }
        let known = if has.aggregate_in_id { record.aggregate.id.len() } else { 0 };
        put_bytes(texts, &context.command_id.as_bytes()[known..]);
        if has.own_correlation {
            put_bytes(texts, context.correlation_id.as_bytes());
        }
        let values = context.metadata.iter().map(|(_, value)| value);
        for text in context.causation_id.iter().chain(&context.actor).chain(values) {
            put_bytes(texts, text.as_bytes());
        }
        if form.request.is_none() {
            texts.extend_from_slice(record.request_hash.as_bytes());
        }
        let mut detail = None;
        if let Outcome::Rejected(rejection) = &record.outcome {
            put_bytes(texts, rejection.message.as_bytes());
            detail = rejection.detail.as_ref();
        }
        for payload in [&record.command.payload].into_iter().chain(detail).chain(events.iter().map(|e| &e.payload)) {
            put_number(numbers, payload.len() as u64);
            payloads.extend_from_slice(payload);
        }
    }
}

/// A record must agree with itself: what follows is not stored.
fn check(RecordedCommand { record, events }: &RecordedCommand) -> Result<(), TapeError> {
    let recorded = match record.outcome {
        Outcome::Accepted { events } => u64::from(events),
        Outcome::Rejected(_) => 0,
    };
    let id = &record.context.command_id;
    if recorded != events.len() as u64 {
        return Err(unfit(format!("{id} is recorded with {recorded} events and has {}", events.len())));
    }
    match record.base_version.checked_add(recorded) {
        Some(_) => Ok(()),
        None => Err(unfit(format!("{id} stands on version {}", record.base_version))),
    }
}

pub(super) fn unfit(what: String) -> TapeError {
    TapeError::Unfit(what)
}
