//! Writes snapshots behind everybody's back. They are disposable: what does not fit the queue is dropped.

use std::sync::Arc;

use cantus_model::{Snapshot, ports::SnapshotStore};
use tokio::sync::mpsc;

/// Snapshots of one write.
const BATCH: usize = 64;

/// Writes until all senders are gone.
pub(crate) async fn write_snapshots(store: Arc<dyn SnapshotStore>, mut queue: mpsc::Receiver<Snapshot>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = store.save_snapshots(&batch).await {
            tracing::warn!(%error, "snapshots were not saved; hydration takes longer without them");
        }
        batch.clear();
    }
}
