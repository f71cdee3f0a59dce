//! The submissions of one partition, before and while they are committed. The committer and its deadline share them:
//! a store may block the committer's thread, so the deadline belongs to a task elsewhere.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cantus_model::Entry;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    EngineSettings,
    sizes::{entry_bytes, fitting_count},
    submission::{Submission, SubmissionTicket},
};

pub(crate) struct CommitQueue {
    /// Bounded by the permits and the bytes of admission. Locked by the committer, but not while it commits.
    incoming: tokio::sync::Mutex<UnboundedReceiver<Submission>>,
    batch: Mutex<CommitBatch>,
    /// The batch under way has passed its deadline, and the store has not answered.
    is_unresponsive: AtomicBool,
}

/// The batch under way.
#[derive(Default)]
struct CommitBatch {
    started: Option<Instant>,
    /// `None` once they are answered because the deadline has passed.
    tickets: Option<Vec<SubmissionTicket>>,
    /// Submissions that did not fit the batch, and come first in the next one.
    overflow: Vec<Submission>,
}

impl CommitQueue {
    pub(crate) fn new(incoming: UnboundedReceiver<Submission>) -> Self {
        Self { incoming: incoming.into(), batch: Mutex::default(), is_unresponsive: AtomicBool::new(false) }
    }

    /// Starts the next batch and returns its entries. `None` once all shards have hung up.
    pub(crate) async fn next_batch(&self, settings: &EngineSettings) -> Option<Vec<Entry>> {
        let mut incoming = self.incoming.lock().await;
        let mut waiting = std::mem::take(&mut self.batch().overflow);
        let room = settings.batch_commands.saturating_sub(waiting.len());
        if waiting.is_empty() && incoming.recv_many(&mut waiting, room).await == 0 {
            return None;
        }
        while waiting.len() < settings.batch_commands {
            match incoming.try_recv() {
                Ok(submission) => waiting.push(submission),
                Err(_) => break,
            }
        }
        let overflow = waiting
            .split_off(fitting_count(&waiting, settings.batch_bytes, |submission| entry_bytes(&submission.entry)));
        let (entries, tickets) = waiting.into_iter().map(Submission::into_parts).unzip();
        *self.batch() = CommitBatch { started: Some(Instant::now()), tickets: Some(tickets), overflow };
        Some(entries)
    }

    /// Ends the batch under way, and returns its tickets unless the deadline passed before.
    pub(crate) fn finish_batch(&self) -> Option<Vec<SubmissionTicket>> {
        let mut batch = self.batch();
        batch.started = None;
        self.is_unresponsive.store(false, Ordering::Release);
        batch.tickets.take()
    }

    /// Reports whether the batch under way still waits for its answer.
    pub(crate) fn is_awaited(&self) -> bool {
        self.batch().tickets.is_some()
    }

    /// Reports whether a batch has passed its deadline, and the store has not answered yet.
    pub(crate) fn is_unresponsive(&self) -> bool {
        self.is_unresponsive.load(Ordering::Acquire)
    }

    /// Takes the tickets of a batch that has been under way for `timeout`, and passes them to `answer` before the
    /// committer can take them.
    pub(crate) fn expire_batch(&self, timeout: Duration, answer: impl FnOnce(Vec<SubmissionTicket>)) {
        let mut batch = self.batch();
        if batch.started.is_some_and(|started| started.elapsed() >= timeout)
            && let Some(tickets) = batch.tickets.take()
        {
            self.is_unresponsive.store(true, Ordering::Release);
            answer(tickets);
        }
    }

    /// Takes the submissions that wait behind a batch that has passed its deadline.
    pub(crate) fn take_waiting(&self) -> Vec<Submission> {
        let mut batch = self.batch();
        if !self.is_unresponsive() {
            return Vec::new();
        }
        let mut waiting = std::mem::take(&mut batch.overflow);
        if let Ok(mut incoming) = self.incoming.try_lock() {
            waiting.extend(std::iter::from_fn(|| incoming.try_recv().ok()));
        }
        waiting
    }

    /// Drops all submissions and closes the queue. Each job answers its caller when it is dropped.
    pub(crate) fn abandon(&self) {
        let batch = std::mem::take(&mut *self.batch());
        drop(batch);
        if let Ok(mut incoming) = self.incoming.try_lock() {
            incoming.close();
            while incoming.try_recv().is_ok() {}
        }
    }

    fn batch(&self) -> MutexGuard<'_, CommitBatch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
