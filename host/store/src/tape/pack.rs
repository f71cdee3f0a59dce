//! Packs commands into the columns of a block.

use std::collections::HashMap;

use cantus_model::{AggregateRef, Outcome, RecordedCommand};

use super::{
    BLOCK_BYTES, MAX_COMMAND_BYTES, TapeError,
    bytes::{put_bytes, put_distance, put_number},
    columns::BlockColumns,
    command_shape::{CommandShape, MAX_KINDS},
    predictor::Predictor,
};

/// The end of a run of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunEnd {
    /// The stream ends with it.
    StreamEnds,
    /// The stream continues in a later block.
    StreamContinues,
}

/// A run of consecutive commands of one stream that may get more commands.
#[derive(Debug)]
struct OpenRun {
    aggregate: AggregateRef,
    /// The version at the begin of the run, if the stream began in an earlier block.
    continues_at: Option<u64>,
    commands: u64,
}

/// Packs the commands of one block.
#[derive(Debug, Default)]
pub(super) struct BlockPacker {
    columns: BlockColumns<Vec<u8>>,
    shapes: HashMap<CommandShape, u64>,
    /// The weight of the shapes.
    shapes_weight: usize,
    predictor: Predictor,
    run: Option<OpenRun>,
}

impl BlockPacker {
    /// Reports whether the block must be written before another command is added.
    pub(super) fn is_full(&self) -> bool {
        self.columns.size() + self.shapes_weight >= BLOCK_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.columns.size() == 0 && self.run.is_none()
    }

    /// Begins a run: of a new stream, or of one that continues from an earlier block at a version.
    pub(super) fn open_run(&mut self, aggregate: AggregateRef, continues_at: Option<u64>) {
        self.predictor.start_stream(continues_at.unwrap_or(0));
        self.run = Some(OpenRun { aggregate, continues_at, commands: 0 });
    }

    /// Ends the run.
    pub(super) fn close_run(&mut self, end: RunEnd) {
        let Some(run) = self.run.take() else { return };
        let out = &mut self.columns.runs;
        out.push(u8::from(end == RunEnd::StreamEnds) | u8::from(run.continues_at.is_some()) << 1);
        put_bytes(out, run.aggregate.aggregate_type.as_bytes());
        put_bytes(out, run.aggregate.id.as_bytes());
        run.continues_at.iter().for_each(|version| put_number(out, *version));
        put_number(out, run.commands);
    }

    /// Returns the columns and begins the next block, in which an open stream continues.
    pub(super) fn take_block(&mut self) -> BlockColumns<Vec<u8>> {
        let version = self.predictor.version;
        let aggregate = self.run.as_ref().map(|run| run.aggregate.clone());
        self.close_run(RunEnd::StreamContinues);
        let packed = std::mem::take(self);
        aggregate.into_iter().for_each(|aggregate| self.open_run(aggregate, Some(version)));
        packed.columns
    }

    /// Adds a command of the open run.
    pub(super) fn push(&mut self, command: &RecordedCommand) -> Result<(), TapeError> {
        check_consistency(command)?;
        let shape = CommandShape::of(command, self.predictor.version);
        if shape.has_too_many_kinds() {
            let id = &command.record.context.command_id;
            return Err(unfit(format!("{id} has events of more than {MAX_KINDS} kinds")));
        }
        let (before, weight) = (self.columns.size(), shape.weight());
        self.write(command, &shape);
        let aggregate = &command.record.aggregate;
        let names = aggregate.aggregate_type.len() + aggregate.id.len();
        let weighs = weight + names + self.columns.size() - before;
        if weighs > MAX_COMMAND_BYTES {
            let id = &command.record.context.command_id;
            return Err(unfit(format!("{id} has {weighs} bytes with its events, {MAX_COMMAND_BYTES} are the limit")));
        }
        let next = self.shapes.len() as u64;
        let index = *self.shapes.entry(shape).or_insert_with_key(|shape| {
            shape.write(&mut self.columns.shapes);
            self.shapes_weight += weight;
            next
        });
        put_number(&mut self.columns.shape_indexes, index);
        self.predictor.observe(&command.record);
        self.run.iter_mut().for_each(|run| run.commands += 1);
        Ok(())
    }

    fn write(&mut self, RecordedCommand { record, events }: &RecordedCommand, shape: &CommandShape) {
        let BlockColumns { times, offsets, numbers, texts, payloads, .. } = &mut self.columns;
        let (context, flags, expected) = (&record.context, shape.flags, self.predictor.next);
        put_distance(times, context.now.0, expected.time);
        record.first_offset.iter().for_each(|offset| put_distance(offsets, *offset, expected.offset));
        if flags.own_version {
            put_number(numbers, record.base_version);
        }
        if flags.own_seed {
            put_number(numbers, context.seed);
        }
        let predicted = if flags.aggregate_in_id { record.aggregate.id.len() } else { 0 };
        put_bytes(texts, &context.command_id.as_bytes()[predicted..]);
        if flags.own_correlation {
            put_bytes(texts, context.correlation_id.as_bytes());
        }
        let values = context.metadata.iter().map(|(_, value)| value);
        for text in context.causation_id.iter().chain(&context.actor).chain(values) {
            put_bytes(texts, text.as_bytes());
        }
        if shape.request.is_none() {
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

/// Refuses a record that contradicts itself: the values that follow from others are not stored.
fn check_consistency(RecordedCommand { record, events }: &RecordedCommand) -> Result<(), TapeError> {
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
        None => Err(unfit(format!("{id} has the base version {}, which is too large", record.base_version))),
    }
}

/// Returns the error of a history that cannot be written on a tape.
pub(super) fn unfit(what: String) -> TapeError {
    TapeError::Unfit(what)
}
