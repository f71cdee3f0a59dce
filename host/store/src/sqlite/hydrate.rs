//! Reads what many aggregates need to be hydrated, all of it from one committed state.

use std::sync::LazyLock;

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, EventBatch, StreamHead,
    ports::{Hydration, HydrationRequest, Hydrator, StoreError},
};

use super::{
    SqliteStore,
    connection::{Session, prepare},
    error::{contiguous, explain},
    rows::{EventDecoder, SELECT_EVENT, bound, column},
    snapshots,
};

/// Bytes of events and snapshots that one call reads, about; what is beyond is read page by page.
const BYTES: usize = 16 << 20;

/// The last event of a stream.
static LAST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} WHERE e.stream = (SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?) \
         ORDER BY e.version DESC LIMIT 1",
        *SELECT_EVENT
    )
});

static EVENTS: LazyLock<String> = LazyLock::new(|| {
    format!("{} WHERE e.stream = ? AND e.version > ? AND e.version <= ? ORDER BY e.version", *SELECT_EVENT)
});

#[async_trait]
impl Hydrator for SqliteStore {
    async fn hydrate(&self, asked: &[HydrationRequest]) -> Result<Vec<Hydration>, StoreError> {
        let asked = asked.to_vec();
        self.readers.read(move |session| hydrate_all(session, &asked)).await
    }
}

fn hydrate_all(session: &mut Session, asked: &[HydrationRequest]) -> Result<Vec<Hydration>, StoreError> {
    let (mut decoder, mut bytes) = (EventDecoder::default(), 0);
    let mut hydrations = Vec::with_capacity(asked.len());
    for asked in asked {
        let hydration = hydrate(session, &mut decoder, asked, BYTES.saturating_sub(bytes))?;
        bytes += hydration.events.payloads().len();
        bytes += hydration.snapshot.as_ref().map_or(0, |snapshot| snapshot.state.len());
        hydrations.push(hydration);
    }
    Ok(hydrations)
}

/// Reads one aggregate; no events once `room` bytes of them were read.
fn hydrate(
    session: &mut Session,
    decoder: &mut EventDecoder,
    asked: &HydrationRequest,
    room: usize,
) -> Result<Hydration, StoreError> {
    let Some((stream, head)) = find(session, decoder, &asked.aggregate)? else { return Ok(Hydration::default()) };
    let snapshot = match asked.snapshot_of {
        Some(component) => snapshots::load(session, stream, &asked.aggregate, component, head.version)?,
        None => None,
    };
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
    let upto = head.version.min(after.saturating_add(asked.page.events as u64));
    let mut events = EventBatch::default();
    if after < upto && room > 0 {
        let limit = cantus_model::PageLimit { bytes: asked.page.bytes.min(room), ..asked.page };
        let Session { connection, names, .. } = session;
        let mut statement = prepare(connection, &EVENTS)?;
        let mut rows = statement.query((stream, bound(after), bound(upto))).map_err(explain)?;
        while limit.has_room(&events)
            && let Some(row) = rows.next().map_err(explain)?
        {
            let expected = after + events.len() as u64 + 1;
            contiguous(expected, column(row, 1)?, || format!("version of {}", asked.aggregate))?;
            decoder.intact(row, connection, names, &asked.aggregate)?.push_to(&mut events);
        }
    }
    Ok(Hydration { head, snapshot, events })
}

/// The stream of an aggregate that has events, and how far it has come.
pub(super) fn find(
    session: &mut Session,
    decoder: &mut EventDecoder,
    aggregate: &AggregateRef,
) -> Result<Option<(i64, StreamHead)>, StoreError> {
    let Session { connection, names, .. } = session;
    let mut statement = prepare(connection, &LAST)?;
    let mut rows = statement.query([&aggregate.aggregate_type, &aggregate.id]).map_err(explain)?;
    let Some(row) = rows.next().map_err(explain)? else { return Ok(None) };
    let last = decoder.intact(row, connection, names, aggregate)?;
    Ok(Some((last.stream, StreamHead { version: last.version, last_at: last.recorded_at })))
}
