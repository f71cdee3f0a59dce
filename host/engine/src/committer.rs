//! The committer of a partition. It commits one batch at a time, each in one transaction: all submissions that queued
//! during the previous commit.

use std::{iter, ops::Range, sync::Arc, time::Instant};

use cantus_model::{
    Entry, EntryResult,
    ports::{Claim, Journal, StoreError},
};
use cantus_replay::retry;
use crossbeam_channel::Sender;
use tokio::sync::watch;

use crate::{
    EngineSettings,
    commit_deadline::{send_batch_returned, send_to_shards},
    commit_queue::CommitQueue,
    shard_message::ShardMessage,
    stats::StatsCounters,
    stop_signal::{PanicGuard, StopSignal},
    submission::Submission,
};

/// Entries of one batch that fail alone, after which the store is taken to be at fault and not the entries.
const MAX_SINGLE_FAILURES: usize = 16;

pub(crate) struct Committer {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) claim: Claim,
    pub(crate) settings: Arc<EngineSettings>,
    pub(crate) queue: Arc<CommitQueue>,
    /// Offset of the next event. Readers wait for it to change.
    pub(crate) durable_head: watch::Sender<u64>,
    pub(crate) shards: Vec<Sender<ShardMessage>>,
    pub(crate) stats: Arc<StatsCounters>,
    pub(crate) signal: Arc<StopSignal>,
}

type CommitResults = Vec<Result<EntryResult, StoreError>>;

impl Committer {
    /// Runs until all shards have hung up, or the engine stops.
    pub(crate) async fn run(self) {
        let _guard = PanicGuard::new(&self.signal, format!("the committer of partition {}", self.claim.partition));
        while !self.signal.is_stopped()
            && let Some(entries) = self.queue.next_batch(&self.settings).await
        {
            self.commit(entries).await;
        }
    }

    async fn commit(&self, entries: Vec<Entry>) {
        let started = Instant::now();
        let results = self.commit_or_divide(&entries).await;
        self.publish_head(&entries, &results);
        if results.iter().any(Result::is_ok) {
            self.stats.record_batch(results.iter().filter(|result| result.is_ok()).count(), started.elapsed());
        }
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            let failed = results.iter().filter(|result| result.is_err()).count();
            tracing::error!(%error, commands = failed, of = entries.len(), "commands were not committed");
        }
        match self.queue.finish_batch() {
            Some(tickets) => {
                let submissions =
                    entries.into_iter().zip(tickets).map(|(entry, ticket)| Submission::from_parts(entry, ticket));
                send_to_shards(&self.shards, submissions.zip(results));
            }
            None => {
                tracing::warn!(commands = entries.len(), "the store has answered after its deadline");
                send_batch_returned(&self.shards, entries);
            }
        }
    }

    /// Publishes the offset up to which the log is durable now.
    fn publish_head(&self, entries: &[Entry], results: &CommitResults) {
        let heads = entries.iter().zip(results).filter_map(|(entry, result)| match result {
            Ok(EntryResult::Committed { first_offset: Some(first), .. }) => {
                let events = entry.decision.as_ref().map_or(0, |decision| decision.verdict.events().len());
                Some(first + events as u64)
            }
            // The first attempt was applied, and only its answer was lost.
            Ok(EntryResult::Duplicate(record)) => Some(record.first_offset? + record.version() - record.base_version),
            _ => None,
        });
        let Some(head) = heads.max() else { return };
        self.durable_head.send_if_modified(|durable| {
            let is_later = head > *durable;
            *durable = head.max(*durable);
            is_later
        });
    }

    /// Commits the entries together. If the store fails permanently, commits each half alone, and so on, so that one
    /// damaged entry does not fail the others. Entries behind a failed one of the same aggregate come back as
    /// conflicts.
    async fn commit_or_divide(&self, entries: &[Entry]) -> CommitResults {
        let mut results = CommitResults::with_capacity(entries.len());
        let mut single_failures = 0;
        // The parts that are not committed yet, in reverse order.
        let mut parts: Vec<Range<usize>> = iter::once(0..entries.len()).collect();
        while let Some(part) = parts.pop() {
            match self.commit_or_retry(&entries[part.clone()]).await {
                Ok(committed) => results.extend(committed.into_iter().map(Ok)),
                Err(error)
                    if part.len() > 1 && may_concern_one_entry(&error) && single_failures < MAX_SINGLE_FAILURES =>
                {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(error) => {
                    self.signal.stop_if_terminal(&error);
                    let gives_up = part.len() > 1 || !may_concern_one_entry(&error);
                    let failed = if gives_up { entries.len() - part.start } else { 1 };
                    results.extend(iter::repeat_n(Err(error), failed));
                    if gives_up {
                        break;
                    }
                    single_failures += 1;
                }
            }
        }
        results
    }

    /// Commits, and tries again after a transient error. If the first attempt was applied and only its answer was
    /// lost, the second finds the records and reports duplicates, which is correct.
    async fn commit_or_retry(&self, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        let attempts = self.settings.commit_attempts;
        let commit = || self.journal.commit(self.claim, entries);
        let results = retry(attempts, || self.queue.is_awaited(), commit).await?;
        match results.len() == entries.len() {
            true => Ok(results),
            false => {
                Err(StoreError::Other(format!("the store answered {} of {} commands", results.len(), entries.len())))
            }
        }
    }
}

/// Reports whether one entry alone may have made a batch fail, so that the others may succeed.
fn may_concern_one_entry(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt(_) | StoreError::Other(_))
}

impl Drop for Committer {
    /// Stops the shards: without a committer nothing is ever answered.
    fn drop(&mut self) {
        self.queue.abandon();
        for shard in &self.shards {
            let _ = shard.send(ShardMessage::Stop);
        }
    }
}
