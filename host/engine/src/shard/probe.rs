//! Asks the store for each command first, while commands come in that were decided before.
//!
//! A command is usually decided at once, and the committer finds out whether its id is known. If it is, the
//! speculation is discarded, and the aggregate is hydrated again: cheap for one repeated command, too expensive for a
//! file that is fed a second time. So for a while after a known id every command is sent to the committer without a
//! decision, and decided if it is absent.

use cantus_model::{CommandError, EntryResult, ports::StoreError};

use super::Shard;
use crate::job::Job;

impl Shard {
    /// Handles a new command: asks the store for it first, or has it decided.
    pub(super) fn admit(&mut self, mut job: Job) {
        if job.refused.is_some() || !self.probing.must_probe(job.aggregate()) {
            return self.on_command(job);
        }
        self.probing.record_probe(job.aggregate());
        job.is_probe = true;
        self.submit(job, None, None);
    }

    /// Handles the result of a probe.
    pub(super) fn on_probed(&mut self, mut job: Job, result: Result<EntryResult, StoreError>) {
        self.probing.record_answer(job.aggregate());
        match result {
            Ok(EntryResult::Duplicate(record)) => {
                self.probing.record_known();
                job.answer(Ok((*record).into()));
            }
            Ok(EntryResult::IdReused) => job.answer(Err(CommandError::IdReused)),
            Ok(_) => {
                self.probing.record_new();
                job.is_probe = false;
                self.on_command(job);
            }
            Err(error) => job.answer(Err(CommandError::Store(error))),
        }
    }

    /// Forgets a probe that the store has not answered in time.
    pub(super) fn forget_probe(&mut self, job: &Job) {
        self.probing.record_answer(job.aggregate());
    }
}
