//! The reading side. Each call is one statement, so it sees one committed state and holds it only for that long.

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, CommandRecord, EventBatch, EventQuery, LogInfo, Message, PageLimit, PartitionId, Position,
    RecordedEvent, StreamHead, Timestamp,
    ports::{EventReader, StoreError},
};
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, sqlite::SqliteRow};

use super::{
    SqliteStore,
    error::explain,
    recent,
    rows::{COMMAND_COLUMNS, bound, column, command_record},
};

const STREAM_HEAD: &str = "SELECT version, recorded_at FROM event \
     WHERE stream_pk = (SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?) \
     ORDER BY version DESC LIMIT 1";

const READ_STREAM: &str = "SELECT version, name, schema_version, payload FROM event \
     WHERE stream_pk = (SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?) AND version > ? \
     ORDER BY version LIMIT ?";

const VERSION_AT: &str = "SELECT count(*) FROM event \
     WHERE stream_pk = (SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?) AND recorded_at <= ?";

/// CROSS JOIN keeps the log's order as the order of work.
const EVENTS: &str = "SELECT e.offset, s.aggregate_type, s.aggregate_id, e.version, e.name, e.schema_version, e.payload, \
     e.recorded_at, c.id, e.partition \
     FROM event AS e CROSS JOIN stream AS s ON s.pk = e.stream_pk CROSS JOIN command AS c ON c.pk = e.command_pk";

#[async_trait]
impl EventReader for SqliteStore {
    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError> {
        let row = sqlx::query(STREAM_HEAD)
            .bind(&aggregate.aggregate_type)
            .bind(&aggregate.id)
            .fetch_optional(&self.readers)
            .await
            .map_err(explain)?;
        match row {
            Some(row) => Ok(StreamHead { version: column(&row, 0)?, last_at: Timestamp(column(&row, 1)?) }),
            None => Ok(StreamHead::default()),
        }
    }

    async fn read_stream(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError> {
        let mut rows = sqlx::query(READ_STREAM)
            .bind(&aggregate.aggregate_type)
            .bind(&aggregate.id)
            .bind(bound(after))
            .bind(bound(limit.events))
            .fetch(&self.readers);
        let mut page = EventBatch::default();
        let mut expected = after.saturating_add(1);
        while limit.has_room(&page)
            && let Some(row) = rows.try_next().await.map_err(explain)?
        {
            contiguous(expected, column(&row, 0)?, || format!("version of {aggregate}"))?;
            page.push(column(&row, 1)?, column(&row, 2)?, column(&row, 3)?);
            expected = expected.saturating_add(1);
        }
        Ok(page)
    }

    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError> {
        let row = sqlx::query(VERSION_AT)
            .bind(&aggregate.aggregate_type)
            .bind(&aggregate.id)
            .bind(bound(time.0))
            .fetch_one(&self.readers)
            .await
            .map_err(explain)?;
        column(&row, 0)
    }

    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        match &query.aggregate {
            Some(aggregate) => self.events_of(aggregate, query.after.unwrap_or(0), query.limit).await,
            None => self.events_from(query.after.map_or(0, |offset| offset.saturating_add(1)), query.limit).await,
        }
    }

    async fn log_info(&self) -> Result<LogInfo, StoreError> {
        let row = sqlx::query("SELECT log_id FROM partition WHERE id = 0").fetch_one(&self.readers).await;
        Ok(LogInfo { log_id: column(&row.map_err(explain)?, 0)?, partitions: 1 })
    }

    async fn log_head(&self, _: PartitionId) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT head FROM partition WHERE id = 0").fetch_one(&self.readers).await;
        column(&row.map_err(explain)?, 0)
    }

    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        let sql =
            format!("SELECT {COMMAND_COLUMNS} FROM command AS c JOIN stream AS s ON s.pk = c.stream_pk WHERE c.id = ?");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.readers).await.map_err(explain)?;
        row.as_ref().map(command_record).transpose()
    }

    async fn recent_commands(
        &self,
        aggregate_types: &[String],
        limit: usize,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        recent::commands(&self.readers, aggregate_types, limit).await
    }
}

impl SqliteStore {
    async fn events_of(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let sql = format!(
            "{EVENTS} WHERE e.stream_pk = (SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?) \
             AND e.version > ? ORDER BY e.version LIMIT ?"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(&aggregate.aggregate_type)
            .bind(&aggregate.id)
            .bind(bound(after))
            .bind(bound(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(explain)?;
        let events = rows.iter().map(recorded_event).collect::<Result<Vec<_>, _>>()?;
        for (event, expected) in events.iter().zip(after.saturating_add(1)..) {
            contiguous(expected, event.version, || format!("version of {aggregate}"))?;
        }
        Ok(events)
    }

    async fn events_from(&self, first: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let sql = format!("{EVENTS} WHERE e.partition = 0 AND e.offset >= ? ORDER BY e.offset LIMIT ?");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(bound(first))
            .bind(bound(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(explain)?;
        let events = rows.iter().map(recorded_event).collect::<Result<Vec<_>, _>>()?;
        for (event, expected) in events.iter().zip(first..) {
            contiguous(expected, event.position.offset, || "offset of the log".into())?;
        }
        Ok(events)
    }
}

/// No reader passes a gap: it would never see what is missing.
pub(super) fn contiguous(expected: u64, found: u64, what: impl Fn() -> String) -> Result<(), StoreError> {
    match expected == found {
        true => Ok(()),
        false => Err(StoreError::Corrupt(format!("{} {expected} is missing, the next is {found}", what()))),
    }
}

fn recorded_event(row: &SqliteRow) -> Result<RecordedEvent, StoreError> {
    Ok(RecordedEvent {
        position: Position { partition: PartitionId(column(row, 9)?), offset: column(row, 0)? },
        aggregate: AggregateRef { aggregate_type: column(row, 1)?, id: column(row, 2)? },
        version: column(row, 3)?,
        event: Message { name: column(row, 4)?, version: column(row, 5)?, payload: column(row, 6)? },
        recorded_at: Timestamp(column(row, 7)?),
        command_id: column(row, 8)?,
    })
}
