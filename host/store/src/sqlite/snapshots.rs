//! Snapshots: a cache that checks itself. A stream has two places: the first is the component's that saved last, the
//! second that of the one before it.

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, Digest, Snapshot,
    ports::{Claim, SnapshotStore, StoreError},
};
use rusqlite::{OptionalExtension as _, Row};

use super::{
    SqliteStore,
    connection::{Session, prepare},
    error::explain,
    journal::check_claim,
    readers::blocking,
    rows::column,
    writer::{Done, Durability},
};

/// So many, or so many bytes of states, go into one transaction, between which commits get their turn.
const CHUNK: usize = 64;
const CHUNK_BYTES: usize = 4 << 20;

const FIND_STREAM: &str = "SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?";

/// What another component saved last goes to the second place.
const GIVE_WAY: &str = "INSERT OR REPLACE INTO snapshot (pk, version, decider, state, checksum) \
     SELECT pk + 1, version, decider, state, checksum FROM snapshot WHERE pk = ? AND decider <> ?";

const SAVE: &str = "INSERT OR REPLACE INTO snapshot (pk, version, decider, state, checksum) VALUES (?, ?, ?, ?, ?)";

const LOAD: &str = "SELECT version, state, checksum FROM snapshot \
     WHERE pk IN (2 * ?1, 2 * ?1 + 1) AND decider = ?2 ORDER BY pk LIMIT 1";

#[async_trait]
impl SnapshotStore for SqliteStore {
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError> {
        let aggregate = aggregate.clone();
        let load = move |session: &mut Session| {
            let Some(stream) = find_stream(session, &aggregate)? else { return Ok(None) };
            let version = "SELECT coalesce(max(version), 0) FROM event WHERE stream = ?";
            let version = prepare(&session.connection, version)?.query_row([stream], |row| row.get(0));
            load(session, stream, &aggregate, component, version.map_err(explain)?)
        };
        self.readers.read(load).await
    }

    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        let mut rest = snapshots;
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(chunk_len(rest));
            let (inner, chunk) = (self.writing()?, chunk.to_vec());
            blocking(move || inner.writer.write(Durability::Disposable, |session| save(session, claim, &chunk)))
                .await?;
            rest = later;
        }
        Ok(())
    }
}

/// How many of the first snapshots go into one transaction; at least one.
fn chunk_len(snapshots: &[Snapshot]) -> usize {
    let mut bytes = 0;
    let fitting = snapshots.iter().take(CHUNK).take_while(|snapshot| {
        bytes += snapshot.state.len();
        bytes <= CHUNK_BYTES
    });
    fitting.count().max(1)
}

fn save(session: &mut Session, claim: Claim, snapshots: &[Snapshot]) -> Result<Done<()>, StoreError> {
    check_claim(&session.connection, claim)?;
    for snapshot in snapshots {
        // A snapshot of no stream is not kept.
        let Some(stream) = find_stream(session, &snapshot.aggregate)? else { continue };
        let decider = session.names.number_decider(&session.connection, snapshot.component)?;
        let checksum = session.canonical.snapshot(snapshot).checksum();
        prepare(&session.connection, GIVE_WAY)?.execute((2 * stream, decider)).map_err(explain)?;
        let values = (2 * stream, snapshot.version, decider, snapshot.state.as_slice(), checksum);
        prepare(&session.connection, SAVE)?.execute(values).map_err(explain)?;
    }
    Ok(Done::Commit(()))
}

fn find_stream(session: &Session, aggregate: &AggregateRef) -> Result<Option<i64>, StoreError> {
    prepare(&session.connection, FIND_STREAM)?
        .query_row([&aggregate.aggregate_type, &aggregate.id], |row| row.get(0))
        .optional()
        .map_err(explain)
}

/// The snapshot of a stream by a component, unless it is not what was saved, or is ahead of the stream.
pub(super) fn load(
    session: &mut Session,
    stream: i64,
    aggregate: &AggregateRef,
    component: Digest,
    stream_version: u64,
) -> Result<Option<Snapshot>, StoreError> {
    let Session { connection, names, canonical, .. } = session;
    let Some(decider) = names.find_decider(connection, component)? else { return Ok(None) };
    let mut statement = prepare(connection, LOAD)?;
    let mut rows = statement.query((stream, decider)).map_err(explain)?;
    let Some(row) = rows.next().map_err(explain)? else { return Ok(None) };
    let intact = read(row, aggregate, component).ok().filter(|(snapshot, checksum)| {
        canonical.snapshot(snapshot).checksum() == *checksum && snapshot.version <= stream_version
    });
    if intact.is_none() {
        tracing::warn!(%aggregate, "a snapshot is damaged and is not used");
    }
    Ok(intact.map(|(snapshot, _)| snapshot))
}

fn read(row: &Row<'_>, aggregate: &AggregateRef, component: Digest) -> Result<(Snapshot, u32), StoreError> {
    let snapshot =
        Snapshot { aggregate: aggregate.clone(), version: column(row, 0)?, component, state: column(row, 1)? };
    Ok((snapshot, column(row, 2)?))
}
