//! Divides a stream's events at the commands that are decided again.

use std::collections::VecDeque;

use cantus_model::{AggregateRef, CommandRecord, EventBatch, Message, RecordedCommand, ports::StoreError};

/// The next step in running a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StreamStep {
    /// Fold these events.
    Fold(EventBatch),
    /// Decide this command; its events are folded after it.
    Decide(Box<RecordedCommand>),
}

/// Divides a stream page by page. The commands are in the order in which they were recorded.
pub(super) struct StreamPager {
    commands: VecDeque<CommandRecord>,
    version: u64,
    /// Events since the last step.
    pending: EventBatch,
    /// Events of the first command that have arrived so far.
    produced: Vec<Message>,
}

impl StreamPager {
    /// Creates a pager for a stream that stands at `version` before the first page.
    pub(super) fn new(commands: Vec<CommandRecord>, version: u64) -> Self {
        Self { commands: commands.into(), version, pending: EventBatch::default(), produced: Vec::new() }
    }

    /// Returns the steps that one more page of events allows.
    pub(super) fn divide(&mut self, page: &EventBatch) -> Vec<StreamStep> {
        let mut steps = Vec::new();
        self.take_complete(&mut steps);
        for (kind, payload) in page.iter() {
            self.version += 1;
            if self.commands.front().is_some_and(|command| command.base_version < self.version) {
                self.produced.push(Message {
                    name: kind.name.clone(),
                    version: kind.version,
                    payload: payload.to_vec(),
                });
            } else {
                self.pending.push(&kind.name, kind.version, payload);
            }
            self.take_complete(&mut steps);
        }
        self.fold_pending(&mut steps);
        steps
    }

    /// Returns the remaining steps at the end of the stream.
    pub(super) fn finish(&mut self, aggregate: &AggregateRef) -> Result<Vec<StreamStep>, StoreError> {
        let mut steps = Vec::new();
        self.take_complete(&mut steps);
        match self.commands.front() {
            None => Ok(steps),
            Some(command) => Err(StoreError::Corrupt(format!(
                "{aggregate} ends at version {}, but command {} was decided on version {}",
                self.version, command.context.command_id, command.base_version
            ))),
        }
    }

    /// Takes the commands all of whose events have arrived.
    fn take_complete(&mut self, steps: &mut Vec<StreamStep>) {
        while let Some(record) = self.commands.pop_front_if(|command| command.version() == self.version) {
            self.fold_pending(steps);
            let events = std::mem::take(&mut self.produced);
            self.pending = events.iter().collect();
            steps.push(StreamStep::Decide(Box::new(RecordedCommand { record, events })));
        }
    }

    fn fold_pending(&mut self, steps: &mut Vec<StreamStep>) {
        if !self.pending.is_empty() {
            steps.push(StreamStep::Fold(std::mem::take(&mut self.pending)));
        }
    }
}
