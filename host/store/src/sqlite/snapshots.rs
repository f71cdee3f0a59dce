//! Snapshots: a cache that checks itself. A stream has two places: the first is the component's that saved last, the
//! second that of the one before it.

use std::{collections::HashMap, sync::LazyLock};

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, Digest, Snapshot,
    ports::{Claim, SnapshotStore, StoreError},
};
use sqlx::{
    Arguments, Row,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    SqliteStore,
    error::explain,
    rows::bound,
    statement::{MultiRow, Script},
};

/// So many go into one transaction, between which commits get their turn.
const CHUNK: usize = 64;

/// What another component saved last goes to the second place.
static GIVE_WAY: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "INSERT OR REPLACE INTO snapshot (pk, version, component_digest, state, state_hash) \
         SELECT n.pk + 1, n.version, n.component_digest, n.state, n.state_hash FROM (",
        3,
        ") AS saved CROSS JOIN stream AS s ON s.aggregate_type = saved.column1 AND s.aggregate_id = saved.column2 \
         CROSS JOIN snapshot AS n ON n.pk = 2 * s.pk WHERE n.component_digest <> saved.column3",
    )
});

/// A snapshot of no stream is not kept.
static SAVE: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "INSERT INTO snapshot (pk, version, component_digest, state, state_hash) \
         SELECT 2 * s.pk, saved.column4, saved.column3, saved.column5, saved.column6 FROM (",
        6,
        ") AS saved CROSS JOIN stream AS s ON s.aggregate_type = saved.column1 AND s.aggregate_id = saved.column2 \
         WHERE true ON CONFLICT (pk) DO UPDATE SET version = excluded.version, \
         component_digest = excluded.component_digest, state = excluded.state, state_hash = excluded.state_hash",
    )
});

const LOAD: &str = "SELECT n.version, n.component_digest, n.state, n.state_hash, \
     coalesce((SELECT max(e.version) FROM event AS e WHERE e.stream_pk = s.pk), 0) \
     FROM stream AS s CROSS JOIN snapshot AS n ON n.pk IN (2 * s.pk, 2 * s.pk + 1) \
     WHERE s.aggregate_type = ? AND s.aggregate_id = ? AND n.component_digest = ? ORDER BY n.pk LIMIT 1";

#[async_trait]
impl SnapshotStore for SqliteStore {
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError> {
        let row = sqlx::query(LOAD)
            .bind(&aggregate.aggregate_type)
            .bind(&aggregate.id)
            .bind(component.as_bytes().as_slice())
            .fetch_optional(&self.readers)
            .await
            .map_err(explain)?;
        let Some(row) = row else { return Ok(None) };
        let snapshot = intact(&row, aggregate);
        if snapshot.is_none() {
            tracing::warn!(%aggregate, "a snapshot is damaged and is not used");
        }
        Ok(snapshot)
    }

    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        let mut rest = snapshots;
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(of_one_component_each(rest));
            let mut script = Script::default();
            script.rows(&GIVE_WAY, chunk, bind_name)?;
            script.rows(&SAVE, chunk, bind)?;
            let mut transaction = self.writer()?.begin_disposable().await?;
            Self::check_claim(transaction.connection(), claim).await?;
            transaction.commit_after(script).await?;
            rest = later;
        }
        Ok(())
    }
}

/// How many of the first snapshots go into one transaction: no stream by two components, which would have to give way to
/// each other.
fn of_one_component_each(snapshots: &[Snapshot]) -> usize {
    let mut components = HashMap::new();
    let mut chunk = snapshots.iter().take(CHUNK);
    let other = chunk.position(|Snapshot { aggregate, component, .. }| {
        components.insert(aggregate, component).is_some_and(|before| before != component)
    });
    other.unwrap_or(snapshots.len().min(CHUNK))
}

/// The snapshot in the first five columns of `row` (the last of them the stream's version), unless it is not what was
/// saved or is ahead of its stream.
pub(super) fn intact(row: &SqliteRow, aggregate: &AggregateRef) -> Option<Snapshot> {
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

fn bind_name(arguments: &mut SqliteArguments, snapshot: &Snapshot) -> Result<(), BoxDynError> {
    arguments.add(snapshot.aggregate.aggregate_type.as_str())?;
    arguments.add(snapshot.aggregate.id.as_str())?;
    arguments.add(snapshot.component.as_bytes().as_slice())
}

fn bind(arguments: &mut SqliteArguments, snapshot: &Snapshot) -> Result<(), BoxDynError> {
    bind_name(arguments, snapshot)?;
    arguments.add(bound(snapshot.version))?;
    arguments.add(snapshot.state.as_slice())?;
    arguments.add(hash(snapshot).as_bytes().as_slice())
}
