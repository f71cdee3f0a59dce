//! Statements over many rows at once. A round trip to SQLite's thread and back costs more than a row, and so does
//! preparing a statement. So the list of rows has a power of two of them, filled up with NULLs: a few texts serve any
//! number of rows in one trip, and stay prepared.

use std::sync::Arc;

use cantus_model::ports::StoreError;
use sqlx::{
    Arguments, AssertSqlSafe, Sqlite, SqliteConnection,
    error::BoxDynError,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::error::explain;

/// A statement takes at most two to this power rows.
const LARGEST: u32 = 8;

/// What writes one row's values in the order of the columns.
pub(super) type Bind<T> = fn(&mut SqliteArguments, &T) -> Result<(), BoxDynError>;

/// A statement around a list of rows, `VALUES (?, ...), ...`. It must pass over rows of NULLs.
pub(super) struct MultiRow {
    columns: usize,
    /// For 1, 2, 4, ... rows.
    texts: Vec<Arc<str>>,
}

impl MultiRow {
    /// `head` goes before the rows and `tail` behind them.
    pub(super) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let text =
            |power: u32| format!("{head} VALUES {} {tail}", vec![row.as_str(); 1_usize << power].join(",")).into();
        Self { columns, texts: (0..=LARGEST).map(text).collect() }
    }

    /// Runs it over all `rows` and gathers what it returns.
    pub(super) async fn run<T: Sync>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: Bind<T>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut found = Vec::new();
        for chunk in rows.chunks(1 << LARGEST) {
            let power = chunk.len().next_power_of_two().ilog2();
            found.extend(self.query(power, chunk, bind)?.fetch_all(&mut *connection).await.map_err(explain)?);
        }
        Ok(found)
    }

    fn query<T>(
        &self,
        power: u32,
        rows: &[T],
        bind: Bind<T>,
    ) -> Result<Query<'static, Sqlite, SqliteArguments>, StoreError> {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(rows.len() * self.columns, 0);
        for row in rows {
            bind(&mut arguments, row).map_err(|error| StoreError::Other(format!("a value does not fit: {error}")))?;
        }
        Ok(sqlx::query_with(AssertSqlSafe(self.texts[power as usize].clone()), arguments))
    }
}
