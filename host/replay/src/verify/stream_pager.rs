//! Cuts a stream's events at the commands that are to be decided again.

use std::collections::VecDeque;

use cantus_model::{AggregateRef, CommandRecord, EventBatch, Message, RecordedCommand, ports::StoreError};

/// What is done next with a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StreamStep {
    /// These events are folded.
    Fold(EventBatch),
    /// This command is decided; its events are folded after it.
    Decide(Box<RecordedCommand>),
}

/// Takes a stream's events page by page. The commands are in the order in which they were recorded.
pub(super) struct StreamPager {
    commands: VecDeque<CommandRecord>,
    version: u64,
    /// Events since the last step.
    pending: EventBatch,
    /// Events of the first command, as far as they have come.
    produced: Vec<Message>,
}

impl StreamPager {
    /// `version` is that of the stream before the first page.
    pub(super) fn new(commands: Vec<CommandRecord>, version: u64) -> Self {
        Self { commands: commands.into(), version, pending: EventBatch::default(), produced: Vec::new() }
    }

    /// The steps that one more page of events allows.
    pub(super) fn cut(&mut self, page: &EventBatch) -> Vec<StreamStep> {
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

    /// The steps that are left when the stream has ended.
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

    /// Commands all of whose events have come.
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
