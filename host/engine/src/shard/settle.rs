//! Takes in what the committer did with a submission: answers it, or lets it be decided again.

use cantus_model::{AggregateRef, Decision, EntryResult};

use super::{Shard, slot::Slot};
use crate::{
    CommandError, Decided,
    job::{Job, Settled, Submission},
};

impl Shard {
    pub(super) fn on_settled(&mut self, settled: Settled) {
        let Settled { submission: Submission { job, entry, held, .. }, result } = settled;
        let aggregate = entry.aggregate;
        match result {
            Ok(EntryResult::Committed { version, first_offset }) => {
                if let Some(decision) = entry.decision {
                    self.save_snapshot_at(&aggregate, version);
                    job.answer(Ok(decided(decision, version, first_offset)), &self.stats);
                }
            }
            Ok(EntryResult::Duplicate(record)) => {
                self.disown(&aggregate, entry.decision.as_ref());
                job.answer(Ok((*record).into()), &self.stats);
            }
            Ok(EntryResult::IdReused) => {
                self.disown(&aggregate, entry.decision.as_ref());
                job.answer(Err(CommandError::IdReused), &self.stats);
            }
            Ok(EntryResult::Conflict { actual }) => {
                self.disown(&aggregate, entry.decision.as_ref());
                self.redo(job, CommandError::Conflict { expected: None, actual });
            }
            Ok(EntryResult::Absent) => {
                let error = held.unwrap_or(CommandError::ShuttingDown);
                let stale = self.slots.peek(&aggregate).is_some_and(|slot| slot.stale);
                // A refusal holds in any state; all else was judged on a state that never was.
                match stale && job.refusal.is_none() {
                    true => self.redo(job, error),
                    false => job.answer(Err(error), &self.stats),
                }
            }
            Err(error) => {
                self.disown(&aggregate, entry.decision.as_ref());
                job.answer(Err(CommandError::Store(error)), &self.stats);
            }
        }
        self.landed(&aggregate);
    }

    /// What was speculated did not happen: the resident, and all that was decided on it since, goes.
    fn disown(&mut self, aggregate: &AggregateRef, decision: Option<&Decision>) {
        if decision.is_some_and(|decision| !decision.verdict.events().is_empty())
            && let Some(slot) = self.slots.peek_mut(aggregate)
        {
            slot.stale = true;
            self.cool(aggregate);
        }
    }

    fn redo(&mut self, mut job: Job, error: CommandError) {
        job.conflicts += 1;
        if job.conflicts > self.settings.conflict_retries {
            return job.answer(Err(error), &self.stats);
        }
        let slot = self.slots.get_or_insert_mut(job.aggregate().clone(), Slot::default);
        slot.redo.push(job);
    }

    /// One submission less in flight. With the last one the store holds all that this aggregate decided, and what has
    /// to be decided again goes before what waits, in the order of admission.
    fn landed(&mut self, aggregate: &AggregateRef) {
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        slot.in_flight = slot.in_flight.saturating_sub(1);
        if slot.in_flight > 0 {
            return;
        }
        slot.stale = false;
        if !slot.redo.is_empty() {
            for job in std::mem::take(&mut slot.redo).into_iter().rev() {
                slot.queue.push_front(job);
            }
            self.cool(aggregate);
        }
        if self.slots.peek(aggregate).is_some_and(|slot| !slot.queue.is_empty()) {
            self.advance(aggregate);
        }
    }

    fn save_snapshot_at(&mut self, aggregate: &AggregateRef, version: u64) {
        if let Some(slot) = self.slots.peek_mut(aggregate)
            && let Some(snapshot) = slot.snapshot.take_if(|snapshot| snapshot.version <= version)
        {
            // A full queue drops it: the next one will do.
            let _ = self.snapshot_queue.try_send(snapshot);
        }
    }
}

fn decided(decision: Decision, version: u64, first_offset: Option<u64>) -> Decided {
    Decided {
        outcome: decision.verdict.outcome(),
        version,
        first_offset,
        duplicate: false,
        component: decision.component,
    }
}
