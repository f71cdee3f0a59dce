//! Snapshots: a cache that checks itself.

use std::sync::LazyLock;

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, Digest, Snapshot,
    ports::{SnapshotStore, StoreError},
};
use sqlx::{
    Arguments, Row,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{SqliteStore, error::explain, rows::bound, statement::MultiRow};

/// So many go into one transaction, between which commits get their turn.
const CHUNK: usize = 64;

/// A snapshot of no stream is not kept.
static SAVE: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "INSERT INTO snapshot (stream_pk, version, component_digest, state, state_hash) \
         SELECT s.pk, saved.column3, saved.column4, saved.column5, saved.column6 FROM (",
        6,
        ") AS saved CROSS JOIN stream AS s ON s.aggregate_type = saved.column1 AND s.aggregate_id = saved.column2 \
         WHERE true ON CONFLICT (stream_pk) DO UPDATE SET version = excluded.version, \
         component_digest = excluded.component_digest, state = excluded.state, state_hash = excluded.state_hash",
    )
});

const LOAD: &str = "SELECT n.version, n.component_digest, n.state, n.state_hash, \
     coalesce((SELECT max(e.version) FROM event AS e WHERE e.stream_pk = s.pk), 0) FROM stream AS s JOIN snapshot AS n ON n.stream_pk = s.pk WHERE s.aggregate_type = ? AND s.aggregate_id = ?";

#[async_trait]
impl SnapshotStore for SqliteStore {
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError> {
        let row = sqlx::query(LOAD)
            .bind(&aggregate.aggregate_type)
            .bind(&aggregate.id)
            .fetch_optional(&self.readers)
            .await
            .map_err(explain)?;
        let Some(row) = row else { return Ok(None) };
        let snapshot = intact(&row, aggregate);
        if snapshot.is_none() {
            tracing::warn!(%aggregate, "a snapshot is damaged and is not used");
        }
        Ok(snapshot.filter(|snapshot| snapshot.component == component))
    }

    async fn save_snapshots(&self, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        for chunk in snapshots.chunks(CHUNK) {
            let mut transaction = self.writer()?.begin_disposable().await?;
            SAVE.run(transaction.connection(), chunk, bind).await?;
            transaction.commit().await?;
        }
        Ok(())
    }
}

/// The snapshot in `row`, unless it is not what was saved or is ahead of its stream.
fn intact(row: &SqliteRow, aggregate: &AggregateRef) -> Option<Snapshot> {
    let version: u64 = row.try_get(0).ok()?;
    let component = Digest::from_bytes(row.try_get::<&[u8], _>(1).ok()?.try_into().ok()?);
    let state: Vec<u8> = row.try_get(2).ok()?;
    let snapshot = Snapshot { aggregate: aggregate.clone(), version, component, state };
    let whole = row.try_get::<&[u8], _>(3).ok()? == hash(&snapshot).as_bytes();
    (whole && version <= row.try_get(4).ok()?).then_some(snapshot)
}

fn hash(snapshot: &Snapshot) -> Digest {
    Digest::of_parts([&snapshot.version.to_le_bytes(), snapshot.component.as_bytes().as_slice(), &snapshot.state])
}

fn bind(arguments: &mut SqliteArguments, snapshot: &Snapshot) -> Result<(), BoxDynError> {
    arguments.add(snapshot.aggregate.aggregate_type.as_str())?;
    arguments.add(snapshot.aggregate.id.as_str())?;
    arguments.add(bound(snapshot.version))?;
    arguments.add(snapshot.component.as_bytes().as_slice())?;
    arguments.add(snapshot.state.as_slice())?;
    arguments.add(hash(snapshot).as_bytes().as_slice())
}
