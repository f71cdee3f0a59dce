//! The counters of the engine.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use cantus_model::{Answer, Outcome};

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commands accepted, without duplicates.
    pub accepted: u64,
    /// Commands rejected, without duplicates.
    pub rejected: u64,
    /// Commands that were answered with the stored outcome.
    pub duplicates: u64,
    /// Commands that were not decided.
    pub failed: u64,
    /// Events appended.
    pub events: u64,
    /// Faults without a repro bundle, because too many came at once.
    pub repros_lost: u64,
    /// Count of batches by their count of commands.
    pub batches: BTreeMap<usize, u64>,
}

impl Stats {
    /// Median and largest batch, in commands.
    pub fn batch_sizes(&self) -> (usize, usize) {
        let total: u64 = self.batches.values().sum();
        let mut seen = 0;
        let median = self.batches.iter().find(|(_, count)| {
            seen += **count;
            seen * 2 >= total
        });
        let largest = self.batches.keys().next_back();
        (median.map_or(0, |(size, _)| *size), largest.copied().unwrap_or(0))
    }
}

#[derive(Default)]
pub(crate) struct StatsCounters {
    accepted: AtomicU64,
    rejected: AtomicU64,
    duplicates: AtomicU64,
    failed: AtomicU64,
    events: AtomicU64,
    repros_lost: AtomicU64,
    batches: Mutex<BTreeMap<usize, u64>>,
    commit_micros: AtomicU64,
}

impl StatsCounters {
    pub(crate) fn record_answer(&self, answer: &Answer) {
        match answer {
            Ok(decided) if decided.duplicate => &self.duplicates,
            Ok(decided) => match decided.outcome {
                Outcome::Accepted { events } => {
                    self.events.fetch_add(u64::from(events), Relaxed);
                    &self.accepted
                }
                Outcome::Rejected(_) => &self.rejected,
            },
            Err(_) => &self.failed,
        }
        .fetch_add(1, Relaxed);
    }

    pub(crate) fn record_batch(&self, commands: usize, took: Duration) {
        self.commit_micros.store(took.as_micros() as u64, Relaxed);
        *self.batches.lock().unwrap_or_else(PoisonError::into_inner).entry(commands).or_default() += 1;
    }

    pub(crate) fn record_lost_repro(&self) {
        self.repros_lost.fetch_add(1, Relaxed);
    }

    /// Milliseconds that a caller should wait before the next attempt: about two batches.
    pub(crate) fn retry_after_ms(&self) -> u64 {
        (self.commit_micros.load(Relaxed) * 2).div_ceil(1_000).max(1)
    }

    pub(crate) fn read(&self) -> Stats {
        Stats {
            accepted: self.accepted.load(Relaxed),
            rejected: self.rejected.load(Relaxed),
            duplicates: self.duplicates.load(Relaxed),
            failed: self.failed.load(Relaxed),
            events: self.events.load(Relaxed),
            repros_lost: self.repros_lost.load(Relaxed),
            batches: self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
