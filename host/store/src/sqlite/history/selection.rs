//! Selects the commands of a history and sorts them by stream.

use cantus_model::{AggregateRef, HistoryQuery, LogInfo, PartitionId, ports::StoreError};
use rusqlite::Connection;

use crate::sqlite::{
    command_windows::command_windows,
    error::explain,
    key::{key, last_key},
    partition_row::PartitionRow,
    query::{column, execute, for_each_row, prepare, query_row},
};

/// Streams that one transaction reads.
const PAGE_STREAMS: i64 = 4_096;

const TABLES: &str = "CREATE TEMP TABLE chosen (pk INTEGER PRIMARY KEY) STRICT; \
     CREATE TEMP TABLE found (pk INTEGER PRIMARY KEY, stream INTEGER NOT NULL) STRICT; \
     CREATE TEMP TABLE history (ordinal INTEGER PRIMARY KEY, stream INTEGER NOT NULL, pk INTEGER NOT NULL) STRICT";

const STREAM_PAGE: &str = "SELECT pk, aggregate_type, aggregate_id FROM stream WHERE pk > ? ORDER BY pk LIMIT ?";

const CHOOSE: &str = "INSERT INTO temp.chosen (pk) VALUES (?)";

const CHOOSE_ONE: &str = "INSERT INTO temp.chosen SELECT pk FROM stream WHERE aggregate_type = ? AND aggregate_id = ?";

const FIND_ALL: &str = "INSERT INTO temp.found SELECT pk, stream FROM command WHERE pk > ? AND pk <= ?";

const FIND_CHOSEN: &str =
    "INSERT INTO temp.found SELECT pk, stream FROM command WHERE pk > ? AND pk <= ? AND stream IN temp.chosen";

/// Sorts on disk if the keys do not fit the cache; it does not read the log.
const SORT: &str = "INSERT INTO temp.history (stream, pk) SELECT stream, pk FROM temp.found ORDER BY stream, pk; \
     DROP TABLE temp.found; DROP TABLE temp.chosen";

/// Fills `temp.history` with the commands that `query` selects, with ordinals from 1 without gaps. Returns their number.
pub(super) fn select(connection: &Connection, info: &LogInfo, query: &HistoryQuery) -> Result<u64, StoreError> {
    // Commands that are recorded later have larger numbers.
    let count = |partition| Ok((partition, PartitionRow::read(connection, partition)?.counts.commands));
    let counts: Vec<(PartitionId, u64)> = info.partition_ids().map(count).collect::<Result<_, StoreError>>()?;
    connection.execute_batch(TABLES).map_err(explain)?;
    let statement = match *query == HistoryQuery::default() {
        true => FIND_ALL,
        false => {
            choose_streams(connection, query)?;
            FIND_CHOSEN
        }
    };
    for (partition, count) in counts {
        find_commands(connection, statement, partition, count)?;
    }
    connection.execute_batch(SORT).map_err(explain)?;
    query_row(connection, "SELECT coalesce(max(ordinal), 0) FROM temp.history", [], |row| row.get(0))
}

/// Adds the selected ones of the first `count` commands of a partition to `temp.found`.
fn find_commands(
    connection: &Connection,
    statement: &str,
    partition: PartitionId,
    count: u64,
) -> Result<(), StoreError> {
    for (after, last) in command_windows(count) {
        let found = execute(connection, statement, (key(partition, after)?, key(partition, last)?))?;
        if statement == FIND_ALL && found as u64 != last - after {
            return Err(StoreError::Corrupt(format!("a command is missing between the {after}th and the {last}th")));
        }
    }
    Ok(())
}

/// Fills `temp.chosen` with the streams that `query` selects.
fn choose_streams(connection: &Connection, query: &HistoryQuery) -> Result<(), StoreError> {
    match &query.aggregate {
        Some(aggregate) if query.selects(aggregate) => {
            execute(connection, CHOOSE_ONE, [&aggregate.aggregate_type, &aggregate.id]).map(drop)
        }
        Some(_) => Ok(()),
        None => {
            let mut after = 0;
            while let Some(last) = choose_from_page(connection, query, after)? {
                after = last;
            }
            Ok(())
        }
    }
}

/// Chooses from the page of streams that follows `after`. Returns the last stream of the page; `None` at the end.
fn choose_from_page(connection: &Connection, query: &HistoryQuery, after: i64) -> Result<Option<i64>, StoreError> {
    let mut choose = prepare(connection, CHOOSE)?;
    let mut last = None;
    for_each_row(connection, STREAM_PAGE, (after, PAGE_STREAMS), |row| {
        let pk: i64 = column(row, 0)?;
        if query.selects(&AggregateRef { aggregate_type: column(row, 1)?, id: column(row, 2)? }) {
            choose.execute([pk]).map_err(explain)?;
        }
        last = Some(pk);
        Ok(())
    })?;
    Ok(last.filter(|last| *last < last_key(PartitionId((1 << 23) - 1))))
}
