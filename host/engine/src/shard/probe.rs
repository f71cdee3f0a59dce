//! Asks the store first, while commands come in that were decided before.
//!
//! A command is usually decided at once, and the committer finds out whether its id is known. If it is, what was speculated
//! goes, and the aggregate is hydrated again: nothing for one repeated command, too much for a file that is fed a second time.
//! So for a while after a known id every command is sent to the committer without a decision, and decided if it is absent.

use std::collections::HashMap;

use cantus_model::{AggregateRef, EntryResult, ports::StoreError};

use super::Shard;
use crate::{CommandError, job::Job};

/// Commands in a row that turn out to be new before the shard stops asking first.
const NEW_IN_A_ROW: u32 = 512;

/// Whether a shard asks first.
#[derive(Default)]
pub(super) struct Probing {
    /// How many more commands are asked for.
    left: u32,
    /// Aggregates with commands that are asked for. Their later commands are asked for too: so they keep their order.
    asked: HashMap<AggregateRef, usize>,
}

impl Probing {
    /// A command turned out to have been decided before.
    pub(super) fn found(&mut self) {
        self.left = NEW_IN_A_ROW;
    }

    fn asks_for(&self, aggregate: &AggregateRef) -> bool {
        self.left > 0 || self.asked.contains_key(aggregate)
    }

    fn answered(&mut self, aggregate: &AggregateRef) {
        if let Some(asked) = self.asked.get_mut(aggregate) {
            *asked -= 1;
            if *asked == 0 {
                self.asked.remove(aggregate);
            }
        }
    }
}

impl Shard {
    /// Takes in a new command: asks the store for it first, or has it decided.
    pub(super) fn admit(&mut self, mut job: Job) {
        if job.refused.is_some() || !self.probing.asks_for(job.aggregate()) {
            return self.on_command(job);
        }
        *self.probing.asked.entry(job.aggregate().clone()).or_default() += 1;
        job.is_probe = true;
        self.submit(job, None, None);
    }

    /// The store has said whether a command is known.
    pub(super) fn on_probed(&mut self, mut job: Job, result: Result<EntryResult, StoreError>) {
        self.probing.answered(job.aggregate());
        match result {
            Ok(EntryResult::Duplicate(record)) => {
                self.probing.found();
                job.answer(Ok((*record).into()));
            }
            Ok(EntryResult::IdReused) => job.answer(Err(CommandError::IdReused)),
            Ok(_) => {
                self.probing.left = self.probing.left.saturating_sub(1);
                job.is_probe = false;
                self.on_command(job);
            }
            Err(error) => job.answer(Err(CommandError::Store(error))),
        }
    }

    /// The store has not answered in time.
    pub(super) fn forget_probe(&mut self, job: &Job) {
        self.probing.answered(job.aggregate());
    }
}
