//! Snapshots, each with a checksum. A stream has two rows: one of the component that saved last, and one of the component that saved
//! before it.

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, Digest, Snapshot,
    ports::{Claim, SnapshotStore, StoreError},
};
use rusqlite::Row;

use super::{
    SqliteStore,
    connection::Session,
    error::explain,
    partition_row::check_claim,
    query::{column, execute, next_row, prepare, query_optional, query_row},
    reader_pool::run_blocking,
    transaction_runner::{Durability, TransactionEnd},
};

/// The limits of one transaction: snapshots, and bytes of their states. Between two transactions commits get their turn.
const CHUNK_SNAPSHOTS: usize = 64;
const CHUNK_BYTES: usize = 4 << 20;

const FIND_STREAM: &str = "SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?";

/// Moves the last snapshot of another component to the second row.
const MOVE_TO_SECOND: &str = "INSERT OR REPLACE INTO snapshot (pk, version, decider, state, checksum) \
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
            let version = query_row(&session.connection, version, [stream], |row| row.get(0))?;
            load(session, stream, &aggregate, component, version)
        };
        self.readers.read(load).await
    }

    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        let mut rest = snapshots;
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(count_chunk(rest));
            let (writer, chunk) = (self.log_writer()?, chunk.to_vec());
            run_blocking(move || writer.run(Durability::Disposable, |session| save(session, claim, &chunk))).await?;
            rest = later;
        }
        Ok(())
    }
}

/// Returns the number of snapshots that go into the next transaction; at least one.
fn count_chunk(snapshots: &[Snapshot]) -> usize {
    let mut bytes = 0;
    let fitting = snapshots.iter().take(CHUNK_SNAPSHOTS).take_while(|snapshot| {
        bytes += snapshot.state.len();
        bytes <= CHUNK_BYTES
    });
    fitting.count().max(1)
}

fn save(session: &mut Session, claim: Claim, snapshots: &[Snapshot]) -> Result<TransactionEnd<()>, StoreError> {
    check_claim(&session.connection, claim)?;
    for snapshot in snapshots {
        // A snapshot of no stream is not stored.
        let Some(stream) = find_stream(session, &snapshot.aggregate)? else { continue };
        let decider = session.dictionary.number_of_decider(&session.connection, snapshot.component)?;
        let checksum = session.canonical.set_snapshot(snapshot).checksum();
        execute(&session.connection, MOVE_TO_SECOND, (2 * stream, decider))?;
        let values = (2 * stream, snapshot.version, decider, snapshot.state.as_slice(), checksum);
        execute(&session.connection, SAVE, values)?;
    }
    Ok(TransactionEnd::Commit(()))
}

fn find_stream(session: &Session, aggregate: &AggregateRef) -> Result<Option<i64>, StoreError> {
    let values = [&aggregate.aggregate_type, &aggregate.id];
    query_optional(&session.connection, FIND_STREAM, values, |row| row.get(0))
}

/// Reads the snapshot of a stream by a component. One whose checksum differs, or that is ahead of the stream, is not used.
pub(super) fn load(
    session: &mut Session,
    stream: i64,
    aggregate: &AggregateRef,
    component: Digest,
    stream_version: u64,
) -> Result<Option<Snapshot>, StoreError> {
    let Session { connection, dictionary, canonical, .. } = session;
    let Some(decider) = dictionary.find_decider(connection, component)? else { return Ok(None) };
    let mut statement = prepare(connection, LOAD)?;
    let mut rows = statement.query((stream, decider)).map_err(explain)?;
    let Some(row) = next_row(&mut rows)? else { return Ok(None) };
    let intact = read(row, aggregate, component).ok().filter(|(snapshot, checksum)| {
        canonical.set_snapshot(snapshot).checksum() == *checksum && snapshot.version <= stream_version
    });
    if intact.is_none() {
        tracing::warn!(%aggregate, "a snapshot is damaged and is not used; the events are folded instead");
    }
    Ok(intact.map(|(snapshot, _)| snapshot))
}

fn read(row: &Row<'_>, aggregate: &AggregateRef, component: Digest) -> Result<(Snapshot, u32), StoreError> {
    let snapshot =
        Snapshot { aggregate: aggregate.clone(), version: column(row, 0)?, component, state: column(row, 1)? };
    Ok((snapshot, column(row, 2)?))
}
