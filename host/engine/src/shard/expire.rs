//! Answers commands when the store does not, and repairs their aggregates when it answers again.

use std::time::Duration;

use cantus_model::{AggregateRef, CommandError};

use super::Shard;
use crate::{job::Job, silent_store::silent_store};

impl Shard {
    /// Answers the jobs of an expired batch. Nobody knows whether they are recorded, so all speculation on them is
    /// discarded, and their aggregates wait until the store answers.
    pub(super) fn on_expired(&mut self, jobs: Vec<Job>) {
        self.in_flight = self.in_flight.saturating_sub(jobs.len());
        let mut aggregates = Vec::new();
        for job in jobs {
            let aggregate = job.aggregate().clone();
            if job.is_probe {
                self.forget_probe(&job);
            }
            if job.is_counted()
                && let Some(slot) = self.slots.peek_mut(&aggregate)
            {
                slot.expired += 1;
                slot.stale = true;
                self.cool(&aggregate);
            }
            job.answer(Err(self.silence()));
            aggregates.push(aggregate);
        }
        aggregates.iter().for_each(|aggregate| self.answer_expired(aggregate));
        // Deferred aggregates waited for this batch too; now each goes on, or gets the same error.
        self.release_held_back();
    }

    /// Answers all commands of an aggregate whose version nobody knows.
    pub(super) fn answer_expired(&mut self, aggregate: &AggregateRef) {
        let Some(slot) = self.slots.peek_mut(aggregate).filter(|slot| slot.expired > 0) else { return };
        let (redo, queue) = (std::mem::take(&mut slot.redo), std::mem::take(&mut slot.queue));
        for job in redo.into_iter().chain(queue) {
            job.answer(Err(self.silence()));
        }
    }

    /// Settles the submissions of a batch that the store answered late. Its effects are read from the store when they
    /// are needed.
    pub(super) fn on_returned(&mut self, aggregates: &[AggregateRef]) {
        for aggregate in aggregates {
            if let Some(slot) = self.slots.peek_mut(aggregate).filter(|slot| slot.expired > 0) {
                slot.expired -= 1;
                self.submission_settled(aggregate);
            }
        }
    }

    fn silence(&self) -> CommandError {
        silent_store(Duration::from_millis(self.settings.commit_timeout_ms)).into()
    }
}
