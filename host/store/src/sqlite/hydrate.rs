//! Reads what many aggregates need to be hydrated, in two statements.

use std::sync::LazyLock;

use async_trait::async_trait;
use cantus_model::{
    EventBatch, StreamHead, Timestamp,
    ports::{Hydration, Hydrator, StoreError, ToHydrate},
};
use futures_util::TryStreamExt as _;
use sqlx::{Arguments as _, sqlite::SqliteRow};

use super::{
    SqliteStore,
    error::explain,
    reader::contiguous,
    rows::{bound, column},
    snapshots::intact,
    statement::{MultiRow, Script},
};

/// Bytes of events that one call reads, about; what is beyond is read page by page.
const BYTES: usize = 16 << 20;

/// Where each stream stands, and its snapshot if there is one.
static STAND: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "SELECT n.version, n.component_digest, n.state, n.state_hash, e.version, e.recorded_at, asked.column1, s.pk FROM (",
        4,
        ") AS asked CROSS JOIN stream AS s ON s.aggregate_type = asked.column2 AND s.aggregate_id = asked.column3 \
         CROSS JOIN event AS e ON e.stream_pk = s.pk \
         AND e.version = (SELECT max(last.version) FROM event AS last WHERE last.stream_pk = s.pk) \
         LEFT JOIN snapshot AS n ON n.pk IN (2 * s.pk, 2 * s.pk + 1) AND n.component_digest = asked.column4",
    )
});

/// The loops keep the order of what is asked, and the index that of the versions; it is checked as it is read.
static EVENTS: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "SELECT asked.column1, e.version, e.name, e.schema_version, e.payload FROM (",
        4,
        ") AS asked CROSS JOIN event AS e ON e.stream_pk = asked.column2 \
         AND e.version > asked.column3 AND e.version <= asked.column4",
    )
});

/// Events to read: of the stream of that place and key, beyond a version and up to one.
struct Tail {
    place: usize,
    pk: i64,
    after: u64,
    upto: u64,
}

#[async_trait]
impl Hydrator for SqliteStore {
    async fn hydrate(&self, asked: &[ToHydrate]) -> Result<Vec<Hydration>, StoreError> {
        let mut hydrations = vec![Hydration::default(); asked.len()];
        let numbered: Vec<(usize, &ToHydrate)> = asked.iter().enumerate().collect();
        let mut script = Script::default();
        script.rows(&STAND, &numbered, |arguments, (place, asked)| {
            arguments.add(bound(*place))?;
            arguments.add(asked.aggregate.aggregate_type.as_str())?;
            arguments.add(asked.aggregate.id.as_str())?;
            arguments.add(asked.snapshot_of.as_ref().map(|digest| digest.as_bytes().as_slice()))
        })?;
        let mut keys = vec![None; asked.len()];
        let mut connection = self.readers.acquire().await.map_err(explain)?;
        for row in script.run(&mut connection).await? {
            stand(&row, asked, &mut hydrations, &mut keys)?;
        }
        let tails: Vec<Tail> = (0..asked.len()).filter_map(|place| tail(place, asked, &hydrations, &keys)).collect();
        if tails.is_empty() {
            return Ok(hydrations);
        }
        let mut script = Script::default();
        script.rows(&EVENTS, &tails, |arguments, tail| {
            arguments.add(bound(tail.place))?;
            arguments.add(tail.pk)?;
            arguments.add(bound(tail.after))?;
            arguments.add(bound(tail.upto))
        })?;
        let mut rows = script.stream(&mut connection);
        let mut bytes = 0;
        while bytes < BYTES
            && let Some(row) = rows.try_next().await.map_err(explain)?
        {
            bytes += event(&row, asked, &mut hydrations)?;
        }
        Ok(hydrations)
    }
}

fn stand(
    row: &SqliteRow,
    asked: &[ToHydrate],
    hydrations: &mut [Hydration],
    keys: &mut [Option<i64>],
) -> Result<(), StoreError> {
    let place: usize = column::<u64>(row, 6)? as usize;
    let (version, last_at) = (column(row, 4)?, Timestamp(column(row, 5)?));
    hydrations[place].head = StreamHead { version, last_at };
    keys[place] = Some(column(row, 7)?);
    if column::<Option<u64>>(row, 0)?.is_some() && hydrations[place].snapshot.is_none() {
        let aggregate = &asked[place].aggregate;
        hydrations[place].snapshot = intact(row, aggregate);
        if hydrations[place].snapshot.is_none() {
            tracing::warn!(%aggregate, "a snapshot is damaged and is not used");
        }
    }
    Ok(())
}

fn tail(place: usize, asked: &[ToHydrate], hydrations: &[Hydration], keys: &[Option<i64>]) -> Option<Tail> {
    let Hydration { head, snapshot, .. } = &hydrations[place];
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
    let upto = head.version.min(after.saturating_add(asked[place].page.events as u64));
    (upto > after).then_some(Tail { place, pk: keys[place]?, after, upto })
}

/// Adds one event, unless its stream's page is full; returns how many bytes it has.
fn event(row: &SqliteRow, asked: &[ToHydrate], hydrations: &mut [Hydration]) -> Result<usize, StoreError> {
    let place: usize = column::<u64>(row, 0)? as usize;
    let Hydration { snapshot, events, .. } = &mut hydrations[place];
    if !asked[place].page.has_room(events) {
        return Ok(0);
    }
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
    let expected = after + events.len() as u64 + 1;
    contiguous(expected, column(row, 1)?, || format!("version of {}", asked[place].aggregate))?;
    let payload: &[u8] = column(row, 4)?;
    EventBatch::push(events, column(row, 2)?, column(row, 3)?, payload);
    Ok(payload.len())
}
