//! Writes snapshots behind everybody's back. They are disposable: what does not fit the queue is dropped.

use cantus_model::Snapshot;
use tokio::sync::mpsc;

use crate::OwnedStore;

/// Snapshots of one write.
const BATCH: usize = 64;

/// Writes until all senders are gone.
pub(crate) async fn write_snapshots(owned: OwnedStore, mut queue: mpsc::Receiver<Snapshot>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        for claim in owned.claims() {
            let of_partition = |snapshot: &mut Snapshot| owned.partition_of(&snapshot.aggregate) == claim.partition;
            let snapshots: Vec<Snapshot> = batch.extract_if(.., of_partition).collect();
            if !snapshots.is_empty()
                && let Err(error) = owned.store().save_snapshots(*claim, &snapshots).await
            {
                tracing::warn!(%error, "snapshots were not saved; hydration takes longer without them");
            }
        }
        batch.clear();
    }
}
