//! Answers commands when the store does not, and repairs their aggregates when it answers again.

use std::time::Duration;

use cantus_model::{AggregateRef, CommandError};

use super::Shard;
use crate::{job::Job, store_timeout::commit_timed_out};

impl Shard {
    /// Answers the jobs of an expired batch. Nobody knows whether they are recorded, so all speculation on them is
    /// discarded, and their aggregates wait until the store answers.
    pub(super) fn on_batch_expired(&mut self, jobs: Vec<Job>) {
        self.in_flight = self.in_flight.saturating_sub(jobs.len());
        let mut aggregates = Vec::new();
        for job in jobs {
            let aggregate = job.aggregate().clone();
            if job.is_probe {
                self.forget_probe(&job);
            }
            if job.counts_in_flight()
                && let Some(slot) = self.slots.peek_mut(&aggregate)
            {
                slot.expired += 1;
                slot.stale = true;
                self.cool(&aggregate);
            }
            job.answer(Err(self.commit_timed_out()));
            aggregates.push(aggregate);
        }
        aggregates.iter().for_each(|aggregate| self.answer_expired(aggregate));
        // Deferred aggregates waited for this batch too; now each goes on, or gets the same error.
        self.resume_deferred();
    }

    /// Answers all commands of an aggregate whose version nobody knows.
    pub(super) fn answer_expired(&mut self, aggregate: &AggregateRef) {
        let Some(slot) = self.slots.peek_mut(aggregate).filter(|slot| slot.expired > 0) else { return };
        let (requeued, queue) = (std::mem::take(&mut slot.requeued), std::mem::take(&mut slot.queue));
        for job in requeued.into_iter().chain(queue) {
            job.answer(Err(self.commit_timed_out()));
        }
    }

    /// Settles the submissions of a batch that the store answered late. Its effects are read from the store when they
    /// are needed.
    pub(super) fn on_batch_returned(&mut self, aggregates: &[AggregateRef]) {
        for aggregate in aggregates {
            if let Some(slot) = self.slots.peek_mut(aggregate).filter(|slot| slot.expired > 0) {
                slot.expired -= 1;
                self.submission_settled(aggregate);
            }
        }
    }

    fn commit_timed_out(&self) -> CommandError {
        commit_timed_out(Duration::from_millis(self.settings.commit_timeout_ms)).into()
    }
}
