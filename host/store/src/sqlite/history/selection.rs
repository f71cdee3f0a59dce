//! Which commands a history has, and in which order.

use std::sync::LazyLock;

use cantus_model::{AggregateRef, HistoryQuery, ports::StoreError};
use sqlx::{Arguments, SqliteConnection};

use super::WINDOW;
use crate::sqlite::{
    error::explain,
    rows::column,
    statement::{MultiRow, Script},
};

/// Streams that one transaction looks through.
const STREAMS: i64 = 4_096;

/// `bytes` are those of payload, context and outcome, whose lengths stand at the beginning of a row.
const TABLES: &str = "CREATE TEMP TABLE chosen (pk INTEGER PRIMARY KEY) STRICT; \
     CREATE TEMP TABLE found (pk INTEGER PRIMARY KEY, stream_pk INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT; \
     CREATE TEMP TABLE history ( \
     place INTEGER PRIMARY KEY, stream_pk INTEGER NOT NULL, pk INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT";

const STREAM_PAGE: &str = "SELECT pk, aggregate_type, aggregate_id FROM stream WHERE pk > ? ORDER BY pk LIMIT ?";

static CHOOSE: LazyLock<MultiRow> =
    LazyLock::new(|| MultiRow::new("INSERT INTO temp.chosen (pk) SELECT * FROM (", 1, ") WHERE column1 IS NOT NULL"));

const FIND_ALL: &str = "INSERT INTO temp.found \
     SELECT pk, stream_pk, octet_length(payload) + octet_length(context) + octet_length(outcome) FROM command \
     WHERE pk > ? AND pk <= ?";

const FIND_CHOSEN: &str = "INSERT INTO temp.found \
     SELECT pk, stream_pk, octet_length(payload) + octet_length(context) + octet_length(outcome) FROM command \
     WHERE pk > ? AND pk <= ? AND stream_pk IN temp.chosen";

/// It is sorted on disk where it does not fit the cache, and the log is not touched.
const SORT: &str = "INSERT INTO temp.history (stream_pk, pk, bytes) \
     SELECT stream_pk, pk, bytes FROM temp.found ORDER BY stream_pk, pk; \
     DROP TABLE temp.found; DROP TABLE temp.chosen";

/// Fills `temp.history` with the commands that `query` selects, from place 1 on without gaps, and says how many there are.
pub(super) async fn select(connection: &mut SqliteConnection, query: &HistoryQuery) -> Result<u64, StoreError> {
    // Whatever is recorded from here on has a larger key.
    let end: i64 = sqlx::query_scalar("SELECT coalesce(max(pk), 0) FROM command")
        .fetch_one(&mut *connection)
        .await
        .map_err(explain)?;
    run(connection, TABLES).await?;
    match *query == HistoryQuery::default() {
        true => find(connection, FIND_ALL, end).await?,
        false => {
            choose(connection, query).await?;
            find(connection, FIND_CHOSEN, end).await?;
        }
    }
    run(connection, SORT).await?;
    let count = sqlx::query("SELECT coalesce(max(place), 0) FROM temp.history").fetch_one(connection).await;
    column(&count.map_err(explain)?, 0)
}

async fn run(connection: &mut SqliteConnection, statements: &'static str) -> Result<(), StoreError> {
    let mut script = Script::default();
    script.then(statements);
    script.run(connection).await.map(drop)
}

/// Gathers the commands up to `end`.
async fn find(connection: &mut SqliteConnection, statement: &'static str, end: i64) -> Result<(), StoreError> {
    let mut after = 0;
    while after < end {
        let to = end.min(after + WINDOW);
        let found = sqlx::query(statement)
            .bind(after)
            .bind(to)
            .execute(&mut *connection)
            .await
            .map_err(explain)?
            .rows_affected();
        if statement == FIND_ALL && found != after.abs_diff(to) {
            return Err(StoreError::Corrupt(format!("a command is missing between the {after}th and the {to}th")));
        }
        after = to;
    }
    Ok(())
}

async fn choose(connection: &mut SqliteConnection, query: &HistoryQuery) -> Result<(), StoreError> {
    if let Some(aggregate) = &query.aggregate {
        let pk = stream(connection, aggregate).await?;
        return mark(connection, &Vec::from_iter(pk.filter(|_| query.selects(aggregate)))).await;
    }
    let mut after = 0_i64;
    loop {
        let rows = sqlx::query(STREAM_PAGE).bind(after).bind(STREAMS).fetch_all(&mut *connection).await;
        let rows = rows.map_err(explain)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = column(last, 0)?;
        let mut chosen = Vec::new();
        for row in &rows {
            if query.selects(&AggregateRef { aggregate_type: column(row, 1)?, id: column(row, 2)? }) {
                chosen.push(column(row, 0)?);
            }
        }
        mark(connection, &chosen).await?;
    }
}

async fn stream(connection: &mut SqliteConnection, aggregate: &AggregateRef) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar("SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?")
        .bind(&aggregate.aggregate_type)
        .bind(&aggregate.id)
        .fetch_optional(connection)
        .await
        .map_err(explain)
}

async fn mark(connection: &mut SqliteConnection, streams: &[i64]) -> Result<(), StoreError> {
    CHOOSE.run(connection, streams, |arguments, pk| arguments.add(*pk)).await.map(drop)
}
