//! The deadline of commits: a task that answers in place of a store that does not.

use std::{sync::Arc, time::Duration};

use cantus_model::{Entry, ports::StoreError};
use crossbeam_channel::Sender;

use crate::{
    commit_queue::CommitQueue,
    shard_message::ShardMessage,
    stop_signal::StopSignal,
    store_timeout::commit_timed_out,
    submission::{Submission, SubmissionResult, SubmissionTicket},
};

/// The longest pause between two checks: an answer comes at most this long after the deadline.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

pub(crate) struct CommitDeadline {
    pub(crate) queue: Arc<CommitQueue>,
    pub(crate) timeout: Duration,
    pub(crate) shards: Vec<Sender<ShardMessage>>,
    pub(crate) signal: Arc<StopSignal>,
}

impl CommitDeadline {
    /// Checks until the task is aborted, or the engine has stopped.
    pub(crate) async fn run(self) {
        let pause = (self.timeout / 4).clamp(Duration::from_millis(1), LONGEST_PAUSE);
        while !self.signal.is_stopped() {
            tokio::time::sleep(pause).await;
            self.queue.expire_batch(self.timeout, |tickets| self.expire(tickets));
            let waiting = self.queue.take_waiting();
            if !waiting.is_empty() {
                self.refuse(waiting);
            }
        }
        // The store may block the committer for ever, and nobody waits for that.
        self.queue.abandon();
    }

    /// The shards answer, because they know which other decisions depend on these commands.
    fn expire(&self, tickets: Vec<SubmissionTicket>) {
        let timeout_ms = self.timeout.as_millis() as u64;
        tracing::error!(commands = tickets.len(), timeout_ms, "the store does not answer");
        let mut by_shard: Vec<Vec<_>> = self.shards.iter().map(|_| Vec::new()).collect();
        for ticket in tickets {
            by_shard[ticket.shard].push(ticket.job);
        }
        for (shard, jobs) in self.shards.iter().zip(by_shard) {
            // A shard that has ended has answered its callers already. One without jobs in the batch may have
            // deferred commands.
            let _ = shard.send(ShardMessage::BatchExpired(jobs));
        }
    }

    /// Answers submissions behind the batch, which have not reached the store.
    fn refuse(&self, waiting: Vec<Submission>) {
        let error = commit_timed_out(self.timeout);
        send_to_shards(&self.shards, waiting.into_iter().map(|submission| (submission, Err(error.clone()))));
    }
}

/// Sends the results of submissions to their shards.
pub(crate) fn send_to_shards(
    shards: &[Sender<ShardMessage>],
    results: impl Iterator<Item = (Submission, Result<cantus_model::EntryResult, StoreError>)>,
) {
    let mut by_shard: Vec<Vec<SubmissionResult>> = shards.iter().map(|_| Vec::new()).collect();
    for (submission, result) in results {
        by_shard[submission.shard].push(SubmissionResult { submission, result });
    }
    for (shard, settled) in shards.iter().zip(by_shard) {
        if !settled.is_empty() {
            // A shard that has ended has answered its callers already.
            let _ = shard.send(ShardMessage::BatchResolved(settled));
        }
    }
}

/// Reports to the shards that the store has answered an expired batch, whose commands are answered already.
pub(crate) fn send_batch_returned(shards: &[Sender<ShardMessage>], entries: Vec<Entry>) {
    let aggregates: Arc<[_]> = entries.into_iter().map(|entry| entry.aggregate).collect();
    for shard in shards {
        let _ = shard.send(ShardMessage::BatchReturned(Arc::clone(&aggregates)));
    }
}
