//! Runs statements, and turns every error of rusqlite into the port's.

use cantus_model::ports::StoreError;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row, Rows, types::FromSql};

use super::error::explain;

/// Prepares a statement, or takes it from the connection's cache.
pub(super) fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, StoreError> {
    connection.prepare_cached(sql).map_err(explain)
}

/// Runs a statement that has no values and no results.
pub(super) fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    execute(connection, sql, []).map(drop)
}

/// Runs a statement that writes. Returns the number of rows that it changed.
pub(super) fn execute(connection: &Connection, sql: &str, values: impl Params) -> Result<usize, StoreError> {
    prepare(connection, sql)?.execute(values).map_err(explain)
}

/// Reads the only row of a query.
pub(super) fn query_row<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    prepare(connection, sql)?.query_row(values, read).map_err(explain)
}

/// Reads the only row of a query, if there is one.
pub(super) fn query_optional<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    prepare(connection, sql)?.query_row(values, read).optional().map_err(explain)
}

/// Passes each row of a query to `read`.
pub(super) fn for_each_row(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = prepare(connection, sql)?;
    let mut rows = statement.query(values).map_err(explain)?;
    while let Some(row) = next_row(&mut rows)? {
        read(row)?;
    }
    Ok(())
}

/// Reads all rows of a query.
pub(super) fn query_all<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    for_each_row(connection, sql, values, |row| read(row).map(|value| all.push(value)))?;
    Ok(all)
}

/// Steps to the next row.
pub(super) fn next_row<'r, 's>(rows: &'r mut Rows<'s>) -> Result<Option<&'r Row<'s>>, StoreError> {
    rows.next().map_err(explain)
}

/// Reads one column.
pub(super) fn column<T: FromSql>(row: &Row<'_>, index: usize) -> Result<T, StoreError> {
    row.get(index).map_err(explain)
}

/// Converts a number to a signed column; one that is too large becomes the largest, which no row reaches.
pub(super) fn to_signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
