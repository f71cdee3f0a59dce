//! Reads snapshots and events for the hydration of many aggregates, from one committed state.

use std::sync::LazyLock;

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, EventBatch, PageLimit, StreamHead,
    ports::{Hydration, HydrationRequest, Hydrator, StoreError},
};

use super::{
    SqliteStore,
    connection::Session,
    error::explain,
    event_row::{EventDecoder, SELECT_EVENT},
    query::{next_row, prepare, to_signed},
    snapshots,
};

/// Bytes of events and snapshots that one call reads, about; the caller reads the rest page by page.
const CALL_BYTES: usize = 16 << 20;

/// The last event of a stream.
static LAST_EVENT: LazyLock<String> = LazyLock::new(|| {
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
    async fn hydrate(&self, requests: &[HydrationRequest]) -> Result<Vec<Hydration>, StoreError> {
        let requests = requests.to_vec();
        self.readers.read(move |session| hydrate_all(session, &requests)).await
    }
}

fn hydrate_all(session: &mut Session, requests: &[HydrationRequest]) -> Result<Vec<Hydration>, StoreError> {
    let (mut decoder, mut bytes) = (EventDecoder::default(), 0);
    let mut hydrations = Vec::with_capacity(requests.len());
    for request in requests {
        let hydration = hydrate(session, &mut decoder, request, CALL_BYTES.saturating_sub(bytes))?;
        bytes += hydration.events.payloads().len();
        bytes += hydration.snapshot.as_ref().map_or(0, |snapshot| snapshot.state.len());
        hydrations.push(hydration);
    }
    Ok(hydrations)
}

/// Reads one aggregate; no events if `room` is 0.
fn hydrate(
    session: &mut Session,
    decoder: &mut EventDecoder,
    request: &HydrationRequest,
    room: usize,
) -> Result<Hydration, StoreError> {
    let Some((stream, head)) = find_stream_head(session, decoder, &request.aggregate)? else {
        return Ok(Hydration::default());
    };
    let snapshot = match request.snapshot_of {
        Some(component) => snapshots::load(session, stream, &request.aggregate, component, head.version)?,
        None => None,
    };
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
    let last = head.version.min(after.saturating_add(request.page.events as u64));
    let mut events = EventBatch::default();
    if after < last && room > 0 {
        let limit = PageLimit { bytes: request.page.bytes.min(room), ..request.page };
        let Session { connection, dictionary, .. } = session;
        let values = (stream, to_signed(after), to_signed(last));
        events = decoder.read_batch((connection, dictionary), (&EVENTS, values), &request.aggregate, after, limit)?;
    }
    Ok(Hydration { head, snapshot, events })
}

/// Finds the stream of an aggregate that has events, and its head.
pub(super) fn find_stream_head(
    session: &mut Session,
    decoder: &mut EventDecoder,
    aggregate: &AggregateRef,
) -> Result<Option<(i64, StreamHead)>, StoreError> {
    let Session { connection, dictionary, .. } = session;
    let mut statement = prepare(connection, &LAST_EVENT)?;
    let mut rows = statement.query([&aggregate.aggregate_type, &aggregate.id]).map_err(explain)?;
    let Some(row) = next_row(&mut rows)? else { return Ok(None) };
    let last = decoder.decode(row, connection, dictionary, aggregate)?;
    Ok(Some((last.stream, StreamHead { version: last.version, last_at: last.recorded_at })))
}
