//! Which commands a history has, and in which order.

use cantus_model::{AggregateRef, HistoryQuery, LogInfo, PartitionId, ports::StoreError};
use rusqlite::Connection;

use super::WINDOW;
use crate::sqlite::{
    connection::prepare,
    error::explain,
    journal::Standing,
    key::{key, last_key},
    rows::column,
};

/// Streams that one transaction looks through.
const STREAMS: i64 = 4_096;

const TABLES: &str = "CREATE TEMP TABLE chosen (pk INTEGER PRIMARY KEY) STRICT; \
     CREATE TEMP TABLE found (pk INTEGER PRIMARY KEY, stream INTEGER NOT NULL) STRICT; \
     CREATE TEMP TABLE history (ordinal INTEGER PRIMARY KEY, stream INTEGER NOT NULL, pk INTEGER NOT NULL) STRICT";

const STREAM_PAGE: &str = "SELECT pk, aggregate_type, aggregate_id FROM stream WHERE pk > ? ORDER BY pk LIMIT ?";

const CHOOSE: &str = "INSERT INTO temp.chosen (pk) VALUES (?)";

const FIND_ALL: &str = "INSERT INTO temp.found SELECT pk, stream FROM command WHERE pk > ? AND pk <= ?";

const FIND_CHOSEN: &str =
    "INSERT INTO temp.found SELECT pk, stream FROM command WHERE pk > ? AND pk <= ? AND stream IN temp.chosen";

/// It is sorted on disk where it does not fit the cache, and the log is not touched.
const SORT: &str = "INSERT INTO temp.history (stream, pk) SELECT stream, pk FROM temp.found ORDER BY stream, pk; \
     DROP TABLE temp.found; DROP TABLE temp.chosen";

/// Fills `temp.history` with the commands that `query` selects, from ordinal 1 on without gaps, and says how many there are.
pub(super) fn select(connection: &Connection, info: &LogInfo, query: &HistoryQuery) -> Result<u64, StoreError> {
    // Whatever is recorded from here on has a larger number.
    let ends = info.partition_ids().map(|partition| Ok((partition, Standing::read(connection, partition)?.commands)));
    let ends: Vec<(PartitionId, u64)> = ends.collect::<Result<_, StoreError>>()?;
    connection.execute_batch(TABLES).map_err(explain)?;
    let statement = match *query == HistoryQuery::default() {
        true => FIND_ALL,
        false => {
            choose(connection, query)?;
            FIND_CHOSEN
        }
    };
    for (partition, end) in ends {
        find(connection, statement, partition, end)?;
    }
    connection.execute_batch(SORT).map_err(explain)?;
    let count = "SELECT coalesce(max(ordinal), 0) FROM temp.history";
    connection.query_row(count, [], |row| row.get(0)).map_err(explain)
}

/// Gathers the commands of a partition up to the `end`th.
fn find(connection: &Connection, statement: &str, partition: PartitionId, end: u64) -> Result<(), StoreError> {
    let mut after = 0;
    while after < end {
        let to = end.min(after + WINDOW);
        let values = (key(partition, after)?, key(partition, to)?);
        let found = prepare(connection, statement)?.execute(values).map_err(explain)?;
        if statement == FIND_ALL && found as u64 != to - after {
            return Err(StoreError::Corrupt(format!("a command is missing between the {after}th and the {to}th")));
        }
        after = to;
    }
    Ok(())
}

fn choose(connection: &Connection, query: &HistoryQuery) -> Result<(), StoreError> {
    if let Some(AggregateRef { aggregate_type, id }) = query.aggregate.as_ref().filter(|only| query.selects(only)) {
        let sql = "INSERT INTO temp.chosen SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?";
        return connection.execute(sql, [aggregate_type, id]).map(drop).map_err(explain);
    }
    let mut after = 0;
    while query.aggregate.is_none()
        && let Some(last) = choose_page(connection, query, after)?
    {
        after = last;
    }
    Ok(())
}

/// Looks through some streams behind one; `None` if there are no more.
fn choose_page(connection: &Connection, query: &HistoryQuery, after: i64) -> Result<Option<i64>, StoreError> {
    let (mut page, mut choose) = (prepare(connection, STREAM_PAGE)?, prepare(connection, CHOOSE)?);
    let mut rows = page.query((after, STREAMS)).map_err(explain)?;
    let mut last = None;
    while let Some(row) = rows.next().map_err(explain)? {
        let pk: i64 = column(row, 0)?;
        if query.selects(&AggregateRef { aggregate_type: column(row, 1)?, id: column(row, 2)? }) {
            choose.execute([pk]).map_err(explain)?;
        }
        last = Some(pk);
    }
    Ok(last.filter(|last| *last < last_key(PartitionId((1 << 23) - 1))))
}
