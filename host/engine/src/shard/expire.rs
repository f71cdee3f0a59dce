//! Answers for a store that does not, and puts the aggregates right when it comes back.

use std::time::Duration;

use cantus_model::{AggregateRef, CommandError};

use super::Shard;
use crate::{job::Job, silent_store::silent_store};

impl Shard {
    /// The store has not answered to these in time. Nobody knows whether they are recorded, so everything that was speculated
    /// on them goes, and their aggregates wait until the store comes back.
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
        // What was held back waited for this batch too; now each goes on, or hears the same.
        self.release_held_back();
    }

    /// Answers everything that waits for an aggregate of which nobody knows how far it has come.
    pub(super) fn answer_expired(&mut self, aggregate: &AggregateRef) {
        let Some(slot) = self.slots.peek_mut(aggregate).filter(|slot| slot.expired > 0) else { return };
        let (redo, queue) = (std::mem::take(&mut slot.redo), std::mem::take(&mut slot.queue));
        for job in redo.into_iter().chain(queue) {
            job.answer(Err(self.silence()));
        }
    }

    /// The store is back. What it did with the batch is in it, and is read when it is needed.
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
