//! Reads the log: streams, events and commands.

use std::sync::LazyLock;

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, CommandRecord, EventBatch, EventQuery, LogInfo, PageLimit, PartitionId, RecordedEvent, StreamHead,
    Timestamp,
    ports::{EventReader, StoreError},
};
use rusqlite::{Connection, Row};

use super::{
    SqliteStore,
    append::find_command,
    connection::Session,
    error::{contiguous, explain},
    event_row::{EventColumn, EventDecoder, SELECT_EVENT},
    hydrate::find_stream_head,
    key::{key, last_key},
    packed::PackedId,
    partition_row::PartitionRow,
    query::{next_row, prepare, query_optional, query_row, to_signed},
    recent_commands::read_recent,
};

const VERSION_AT: &str = "SELECT count(*) FROM event \
     WHERE stream = (SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?) AND recorded_at <= ?";

static READ_STREAM: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} WHERE e.stream = (SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?) AND e.version > ? \
         ORDER BY e.version LIMIT ?",
        *SELECT_EVENT
    )
});

static READ_LOG: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE e.pk >= ? AND e.pk <= ? ORDER BY e.pk LIMIT ?", *SELECT_EVENT));

/// The names of an event's stream and the id of its command.
const EVENT_OWNERS: &str = "SELECT s.aggregate_type, s.aggregate_id, c.id FROM event AS e \
     CROSS JOIN stream AS s ON s.pk = e.stream CROSS JOIN command AS c ON c.pk = e.command WHERE e.pk = ?";

#[async_trait]
impl EventReader for SqliteStore {
    async fn log_info(&self) -> Result<LogInfo, StoreError> {
        Ok(self.info.clone())
    }

    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError> {
        let aggregate = aggregate.clone();
        let read = move |session: &mut Session| {
            let found = find_stream_head(session, &mut EventDecoder::default(), &aggregate)?;
            Ok(found.map_or_else(StreamHead::default, |(_, head)| head))
        };
        self.readers.read(read).await
    }

    async fn read_stream(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError> {
        let aggregate = aggregate.clone();
        self.readers.read(move |session| read_stream(session, &aggregate, after, limit)).await
    }

    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError> {
        let AggregateRef { aggregate_type, id } = aggregate.clone();
        let read = move |session: &mut Session| {
            let values = (&aggregate_type, &id, to_signed(time.0));
            query_row(&session.connection, VERSION_AT, values, |row| row.get(0))
        };
        self.readers.read(read).await
    }

    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        let query = query.clone();
        self.readers.read(move |session| read_events(session, &query)).await
    }

    async fn log_head(&self, partition: PartitionId) -> Result<u64, StoreError> {
        self.readers.read(move |session| Ok(PartitionRow::read(&session.connection, partition)?.counts.events)).await
    }

    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        let (id, info) = (id.to_owned(), self.info.clone());
        let read = move |session: &mut Session| {
            for partition in info.partition_ids() {
                if let Some(command) = find_command(session, partition, &id)? {
                    return command.into_record().map(Some);
                }
            }
            Ok(None)
        };
        self.readers.read(read).await
    }

    async fn recent_commands(
        &self,
        aggregate_types: &[String],
        limit: usize,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let (types, info) = (aggregate_types.to_vec(), self.info.clone());
        self.readers.read(move |session| read_recent(session, &info, &types, limit)).await
    }
}

fn read_stream(
    session: &mut Session,
    aggregate: &AggregateRef,
    after: u64,
    limit: PageLimit,
) -> Result<EventBatch, StoreError> {
    let Session { connection, dictionary, .. } = session;
    let values = (&aggregate.aggregate_type, &aggregate.id, to_signed(after), to_signed(limit.events));
    EventDecoder::default().read_batch((connection, dictionary), (&READ_STREAM, values), aggregate, after, limit)
}

fn read_events(session: &mut Session, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError> {
    let Session { connection, dictionary, .. } = session;
    let (mut stream, mut log);
    let (mut rows, mut expected) = match &query.aggregate {
        Some(aggregate) => {
            let after = query.after.unwrap_or(0);
            stream = prepare(connection, &READ_STREAM)?;
            let values = (&aggregate.aggregate_type, &aggregate.id, to_signed(after), to_signed(query.limit));
            (stream.query(values).map_err(explain)?, after.saturating_add(1))
        }
        None => {
            let first = query.after.map_or(0, |offset| offset.saturating_add(1));
            // There is no event beyond the largest number.
            let Ok(from) = key(query.partition, first) else { return Ok(Vec::new()) };
            log = prepare(connection, &READ_LOG)?;
            (log.query((from, last_key(query.partition), to_signed(query.limit))).map_err(explain)?, first)
        }
    };
    let (mut events, mut bytes, mut decoder) = (Vec::new(), 0, EventDecoder::default());
    while query.has_room(events.len(), bytes)
        && let Some(row) = next_row(&mut rows)?
    {
        let (aggregate, command_id) = read_owners(connection, EventColumn::Pk.read(row)?)?;
        let event = decoder.decode(row, connection, dictionary, &aggregate)?;
        let event = event.into_recorded(aggregate, command_id);
        match &query.aggregate {
            Some(aggregate) => contiguous(expected, event.version, || format!("version of {aggregate}"))?,
            None => contiguous(expected, event.position.offset, || "offset of the log".into())?,
        }
        expected = expected.saturating_add(1);
        bytes += event.event.payload.len();
        events.push(event);
    }
    Ok(events)
}

/// Reads the aggregate of an event and the id of its command.
fn read_owners(connection: &Connection, pk: i64) -> Result<(AggregateRef, String), StoreError> {
    let read = |row: &Row<'_>| {
        Ok((AggregateRef { aggregate_type: row.get(0)?, id: row.get(1)? }, row.get::<_, PackedId<String>>(2)?.0))
    };
    let owners = query_optional(connection, EVENT_OWNERS, [pk], read)?;
    owners.ok_or_else(|| StoreError::Corrupt("the stream or the command of an event is missing".into()))
}
