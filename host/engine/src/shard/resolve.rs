//! Handles the results of submissions: answers them, or has them decided again.

use cantus_model::{AggregateRef, CommandError, Decision, DurableOutcome, EntryResult};

use super::Shard;
use crate::{
    job::Job,
    repro::FaultIncident,
    submission::{Submission, SubmissionResult},
};

impl Shard {
    /// Handles the results of a batch, and resumes deferred aggregates.
    pub(super) fn on_batch_resolved(&mut self, results: Vec<SubmissionResult>) {
        results.into_iter().for_each(|result| self.resolve(result));
        self.resume_deferred();
    }

    fn resolve(&mut self, SubmissionResult { submission, result }: SubmissionResult) {
        let Submission { mut job, entry, error, .. } = submission;
        self.in_flight = self.in_flight.saturating_sub(1);
        if job.is_probe {
            return self.on_probed(job, result);
        }
        let aggregate = entry.aggregate;
        let refused = job.refused.is_some();
        let stale = self.slots.peek(&aggregate).is_some_and(|slot| slot.stale);
        match result {
            Ok(EntryResult::Committed { version, first_offset }) => {
                if let Some(decision) = entry.decision {
                    self.save_snapshot_at(&aggregate, version);
                    job.answer(Ok(durable_outcome(decision, version, first_offset)));
                }
            }
            Ok(EntryResult::Duplicate(record)) => {
                self.probing.record_known();
                self.discard_speculation(&aggregate, entry.decision.as_ref());
                job.answer(Ok((*record).into()));
            }
            Ok(EntryResult::IdReused) => {
                self.discard_speculation(&aggregate, entry.decision.as_ref());
                job.answer(Err(CommandError::IdReused));
            }
            Ok(EntryResult::Conflict { actual }) => {
                self.discard_speculation(&aggregate, entry.decision.as_ref());
                job.discard_decision(entry.decision);
                match stale {
                    true => self.requeue(job),
                    false => self.retry_conflict(job, actual),
                }
            }
            Ok(EntryResult::Absent) => {
                let error = error.unwrap_or(CommandError::ShuttingDown);
                // A refusal holds in any state; any other error was found on a state that was discarded.
                match stale && !refused {
                    true => self.requeue(job),
                    false => job.answer(Err(error)),
                }
            }
            Err(error) => {
                self.discard_speculation(&aggregate, entry.decision.as_ref());
                job.answer(Err(CommandError::Store(error)));
            }
        }
        if !refused {
            self.submission_settled(&aggregate);
        }
    }

    /// Discards the resident after a decision that did not become durable, with everything that was decided on it
    /// since.
    fn discard_speculation(&mut self, aggregate: &AggregateRef, decision: Option<&Decision>) {
        if decision.is_some_and(|decision| !decision.verdict.events().is_empty())
            && let Some(slot) = self.slots.peek_mut(aggregate)
        {
            slot.stale = true;
            self.cool(aggregate);
        }
    }

    /// Decides a command again after another writer has changed its stream, a bounded number of times.
    fn retry_conflict(&mut self, mut job: Job, actual: u64) {
        job.conflicts += 1;
        match job.conflicts > self.settings.conflict_retries {
            true => job.answer(Err(CommandError::Conflict { expected: None, actual })),
            false => self.requeue(job),
        }
    }

    /// Queues a command to be decided again, because an earlier one did not become durable. That one was answered or
    /// counted, so this ends.
    fn requeue(&mut self, job: Job) {
        match self.slots.peek_mut(job.aggregate()) {
            Some(slot) => slot.requeued.push(job),
            None => self.on_command(job), // cannot happen: a slot with submissions in flight is not evicted
        }
    }

    /// Counts one submission less in flight. After the last one the store holds all decisions of this aggregate, and
    /// the commands to decide again go before the queue, in the order of admission.
    pub(super) fn submission_settled(&mut self, aggregate: &AggregateRef) {
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        slot.in_flight = slot.in_flight.saturating_sub(1);
        if slot.in_flight > 0 {
            return;
        }
        let (stale, incidents) = (std::mem::take(&mut slot.stale), std::mem::take(&mut slot.incidents));
        if !slot.requeued.is_empty() {
            for job in std::mem::take(&mut slot.requeued).into_iter().rev() {
                slot.queue.push_front(job);
            }
            self.cool(aggregate);
        }
        for incident in incidents {
            self.send_incident(FaultIncident { state_discarded: stale, ..incident });
        }
        if self.slots.peek(aggregate).is_some_and(|slot| !slot.queue.is_empty()) {
            self.advance(aggregate);
        }
    }

    fn save_snapshot_at(&mut self, aggregate: &AggregateRef, version: u64) {
        if let Some(slot) = self.slots.peek_mut(aggregate)
            && let Some(snapshot) = slot.snapshot.take_if(|waiting| waiting.snapshot.version <= version)
        {
            // A full queue drops it: the next one is saved instead.
            let _ = self.links.snapshot_queue.try_send(snapshot);
        }
    }
}

fn durable_outcome(decision: Decision, version: u64, first_offset: Option<u64>) -> DurableOutcome {
    DurableOutcome {
        outcome: decision.verdict.outcome(),
        version,
        first_offset,
        duplicate: false,
        component: decision.component,
    }
}
