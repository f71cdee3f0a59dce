//! The newest commands, from the last one backwards until there are enough.

use cantus_model::{CommandRecord, ports::StoreError};
use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqliteRow};

use super::WINDOW;
use crate::sqlite::{
    error::explain,
    rows::{COMMAND_COLUMNS, bound, column, command_record},
};

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

    let page = format!(
        "SELECT {COMMAND_COLUMNS} FROM command AS c CROSS JOIN stream AS s ON s.pk = c.stream_pk \
         WHERE s.aggregate_type IN ({}) AND c.pk <= ? AND c.pk > ? ORDER BY c.pk DESC LIMIT ?",
        places(types)
    );
    let mut records = Vec::new();
    while last > 0 && records.len() < limit {
        let numbers = [last, last - WINDOW, bound(limit - records.len())];
        for row in fetch(readers, page.clone(), types, &numbers).await? {
            records.push(command_record(&row)?);
        }
        last -= WINDOW;
    }
    records.reverse();
    Ok(records)
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
