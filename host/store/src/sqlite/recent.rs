//! The newest commands, from the last one backwards until there are enough.

use cantus_model::{CommandRecord, ports::StoreError};
use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqliteRow};

use super::{
    error::explain,
    history::WINDOW,
    rows::{COMMAND_COLUMNS, bound, column, command_record},
};

/// Bytes of payloads, contexts and outcomes that are handed out at once; a larger command comes alone.
const BYTES: u64 = 64 << 20;

/// Read from the beginning of a row, wherever its values are.
const SIZE: &str = "octet_length(c.payload) + octet_length(c.context) + octet_length(c.outcome)";

pub(super) async fn commands(
    readers: &SqlitePool,
    types: &[String],
    limit: usize,
) -> Result<Vec<CommandRecord>, StoreError> {
    // Where nothing is of these types, there is nothing to look through.
    let newest = format!(
        "SELECT iif(EXISTS (SELECT 1 FROM stream WHERE aggregate_type IN ({})), (SELECT max(pk) FROM command), 0)",
        places(types)
    );
    let newest = fetch(readers, newest, types, &[]).await?;
    let mut last: i64 = newest.first().map_or(Ok(0), |row| column(row, 0))?;

    let (mut records, mut bytes) = (Vec::new(), 0);
    while last > 0 && records.len() < limit {
        let from = [last, last - WINDOW];
        let sizes = window(readers, SIZE, types, from, limit - records.len()).await?;
        let mut fit = 0;
        for row in &sizes {
            bytes += column::<u64>(row, 0)?;
            if bytes <= BYTES || records.len() + fit == 0 {
                fit += 1;
            }
        }
        for row in window(readers, COMMAND_COLUMNS, types, from, fit).await? {
            records.push(command_record(&row)?);
        }
        if fit < sizes.len() {
            break;
        }
        last -= WINDOW;
    }
    records.reverse();
    Ok(records)
}

/// The newest `limit` commands up to one key and beyond another, the newest first.
async fn window(
    readers: &SqlitePool,
    columns: &str,
    types: &[String],
    [last, after]: [i64; 2],
    limit: usize,
) -> Result<Vec<SqliteRow>, StoreError> {
    let sql = format!(
        "SELECT {columns} FROM command AS c CROSS JOIN stream AS s ON s.pk = c.stream_pk \
         WHERE s.aggregate_type IN ({}) AND c.pk <= ? AND c.pk > ? ORDER BY c.pk DESC LIMIT ?",
        places(types)
    );
    fetch(readers, sql, types, &[last, after, bound(limit)]).await
}

fn places(types: &[String]) -> String {
    vec!["?"; types.len()].join(",")
}

async fn fetch(
    readers: &SqlitePool,
    sql: String,
    types: &[String],
    numbers: &[i64],
) -> Result<Vec<SqliteRow>, StoreError> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for name in types {
        query = query.bind(name);
    }
    for number in numbers {
        query = query.bind(number);
    }
    query.fetch_all(readers).await.map_err(explain)
}
