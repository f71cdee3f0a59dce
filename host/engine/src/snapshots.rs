//! Writes snapshots in the background. They are only a cache: a snapshot that does not fit the queue is dropped.

use std::sync::Arc;

use cantus_model::{Snapshot, ports::SnapshotStore};
use tokio::sync::mpsc;

use crate::{
    Ownership,
    byte_budget::{ByteBudget, ByteReservation},
    sizes::fitting_count,
    stop_signal::{PanicGuard, StopSignal},
};

/// The maximum count of snapshots in one transaction.
const TRANSACTION_SNAPSHOTS: usize = 64;
/// Bytes after which a transaction takes no more snapshots.
const TRANSACTION_BYTES: usize = 8 << 20;

/// A snapshot that waits to be written.
pub(crate) struct WaitingSnapshot {
    pub(crate) snapshot: Snapshot,
    _bytes: ByteReservation,
}

impl WaitingSnapshot {
    /// Reserves the bytes of a snapshot. `None` if too many are waiting already.
    pub(crate) fn new(snapshot: Snapshot, budget: &Arc<ByteBudget>) -> Option<Self> {
        let bytes = budget.try_reserve(snapshot.state.len(), budget.limit())?;
        Some(Self { snapshot, _bytes: bytes })
    }
}

/// Writes until all senders are gone.
pub(crate) async fn write_snapshots(
    ownership: Ownership,
    store: Arc<dyn SnapshotStore>,
    mut queue: mpsc::Receiver<WaitingSnapshot>,
    signal: Arc<StopSignal>,
) {
    let _guard = PanicGuard::new(&signal, "the writer of snapshots");
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, TRANSACTION_SNAPSHOTS).await > 0 {
        while !waiting.is_empty() {
            let rest = waiting.split_off(transaction_len(&waiting));
            write(&ownership, &*store, std::mem::replace(&mut waiting, rest), &signal).await;
        }
    }
}

/// Writes the snapshots of each partition in one transaction.
async fn write(ownership: &Ownership, store: &dyn SnapshotStore, waiting: Vec<WaitingSnapshot>, signal: &StopSignal) {
    let (mut snapshots, _bytes): (Vec<_>, Vec<_>) =
        waiting.into_iter().map(|WaitingSnapshot { snapshot, _bytes }| (snapshot, _bytes)).unzip();
    for claim in ownership.partitions().iter().map(|partition| partition.claim) {
        let of_partition = |snapshot: &mut Snapshot| ownership.partition_of(&snapshot.aggregate) == claim.partition;
        let snapshots: Vec<Snapshot> = snapshots.extract_if(.., of_partition).collect();
        if !snapshots.is_empty()
            && let Err(error) = store.save_snapshots(claim, &snapshots).await
        {
            tracing::warn!(%error, "snapshots were not saved; hydration takes longer without them");
            signal.stop_if_terminal(&error);
        }
    }
}

fn transaction_len(waiting: &[WaitingSnapshot]) -> usize {
    fitting_count(waiting, TRANSACTION_BYTES, |waiting| waiting.snapshot.state.len())
}

#[cfg(test)]
mod tests {
    use cantus_model::{AggregateRef, Digest};

    use super::*;

    fn snapshot(bytes: usize) -> Snapshot {
        let aggregate = AggregateRef::new("Type", "id");
        Snapshot { aggregate, version: 1, component: Digest::of(b""), state: vec![0; bytes] }
    }

    #[test]
    fn waiting_snapshots_are_bounded_in_bytes() {
        let budget = ByteBudget::new(100);
        let first = WaitingSnapshot::new(snapshot(1_000), &budget);
        assert!(first.is_some(), "one of any size is accepted when none waits");
        assert!(WaitingSnapshot::new(snapshot(1), &budget).is_none());
        drop(first);
        assert!(WaitingSnapshot::new(snapshot(1), &budget).is_some());
    }

    #[test]
    fn a_transaction_is_bounded_in_bytes() {
        let budget = ByteBudget::new(usize::MAX);
        let waiting = |sizes: &[usize]| -> Vec<_> {
            sizes.iter().filter_map(|size| WaitingSnapshot::new(snapshot(*size), &budget)).collect()
        };
        assert_eq!(transaction_len(&waiting(&[TRANSACTION_BYTES + 1, 1])), 1);
        assert_eq!(transaction_len(&waiting(&[TRANSACTION_BYTES - 1, 1, 1])), 2);
    }
}
