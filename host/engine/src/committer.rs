//! The committer of a partition: one batch at a time, it turns whatever queued while the last batch was flushing into one transaction.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cantus_model::{
    Entry, EntryResult, Verdict,
    ports::{Claim, Journal, StoreError},
};
use crossbeam_channel::Sender;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    Settings,
    job::{Settled, Submission},
    shard::ShardMessage,
    stats::StatsCounters,
};

/// What a pair of metadata counts for beside its texts.
pub(crate) const PAIR_BYTES: usize = 8;

const FIRST_BACKOFF: Duration = Duration::from_millis(10);

pub(crate) struct Committer {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) claim: Claim,
    pub(crate) settings: Arc<Settings>,
    pub(crate) shards: Vec<Sender<ShardMessage>>,
    pub(crate) stats: Arc<StatsCounters>,
}

impl Committer {
    /// Runs until all shards have hung up.
    pub(crate) async fn run(self, mut queue: UnboundedReceiver<Submission>) {
        let mut waiting = Vec::new();
        loop {
            // The queue is bounded by the places that shards give out; `waiting` holds what a full batch left over.
            let room = self.settings.batch_commands.saturating_sub(waiting.len());
            if waiting.is_empty() && queue.recv_many(&mut waiting, room).await == 0 {
                return;
            }
            while waiting.len() < self.settings.batch_commands {
                match queue.try_recv() {
                    Ok(submission) => waiting.push(submission),
                    Err(_) => break,
                }
            }
            let rest = waiting.split_off(batch_len(&waiting, self.settings.batch_bytes));
            self.commit(std::mem::replace(&mut waiting, rest)).await;
        }
    }

    async fn commit(&self, batch: Vec<Submission>) {
        let (entries, jobs): (Vec<Entry>, Vec<_>) = batch
            .into_iter()
            .map(|submission| (submission.entry, (submission.shard, submission.job, submission.held)))
            .unzip();
        let started = Instant::now();
        let results = match self.commit_or_retry(&entries).await {
            Ok(results) if results.len() != entries.len() => {
                let error = format!("the store settled {} of {} commands", results.len(), entries.len());
                vec![Err(StoreError::Other(error)); entries.len()]
            }
            Ok(results) => {
                self.stats.committed(entries.len(), started.elapsed());
                results.into_iter().map(Ok).collect()
            }
            Err(error) => {
                tracing::error!(%error, commands = entries.len(), "a batch was not committed");
                vec![Err(error); entries.len()]
            }
        };
        let submissions =
            entries.into_iter().zip(jobs).map(|(entry, (shard, job, held))| Submission { shard, job, entry, held });
        self.send_back(submissions.zip(results).map(|(submission, result)| Settled { submission, result }));
    }

    /// Tries again what may work later. If the first try was applied and only its answer was lost, the second finds
    /// the records and reports duplicates, which is the truth.
    async fn commit_or_retry(&self, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        let mut backoff = FIRST_BACKOFF;
        for _ in 1..self.settings.commit_attempts {
            match self.journal.commit(self.claim, entries).await {
                Err(StoreError::Transient(reason)) => {
                    tracing::warn!(
                        reason,
                        wait_ms = backoff.as_millis() as u64,
                        "the store did not answer, trying again"
                    );
                    tokio::time::sleep(backoff).await;
                    backoff *= 2;
                }
                settled => return settled,
            }
        }
        self.journal.commit(self.claim, entries).await
    }

    fn send_back(&self, settled: impl Iterator<Item = Settled>) {
        let mut by_shard: Vec<Vec<Settled>> = self.shards.iter().map(|_| Vec::new()).collect();
        for settled in settled {
            by_shard[settled.submission.shard].push(settled);
        }
        for (shard, settled) in self.shards.iter().zip(by_shard) {
            if !settled.is_empty() {
                // A shard that is gone has dropped its callers already.
                let _ = shard.send(ShardMessage::Settled(settled));
            }
        }
    }
}

impl Drop for Committer {
    /// Without a committer nothing is ever answered: the shards end as well, and with them all that waits.
    fn drop(&mut self) {
        for shard in &self.shards {
            let _ = shard.send(ShardMessage::Stop);
        }
    }
}

/// How many submissions fit a batch: at least one.
fn batch_len(waiting: &[Submission], limit: usize) -> usize {
    let mut bytes = 0;
    let fitting = waiting.iter().take_while(|submission| {
        bytes += size(&submission.entry);
        bytes <= limit
    });
    fitting.count().max(1)
}

fn size(entry: &Entry) -> usize {
    entry.decision.as_ref().map_or(0, |decision| {
        let metadata = &decision.context.metadata;
        let metadata: usize = metadata.iter().map(|(key, value)| PAIR_BYTES + key.len() + value.len()).sum();
        let verdict: usize = match &decision.verdict {
            Verdict::Accepted(events) => events.iter().map(|event| event.payload.len()).sum(),
            Verdict::Rejected(no) => no.message.len() + no.detail.as_ref().map_or(0, Vec::len),
        };
        decision.command.payload.len() + metadata + verdict
    })
}
