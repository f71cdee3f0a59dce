//! Statements over many rows at once, and several statements in one trip. A trip to SQLite's thread and back costs more
//! than a row: on a busy machine each way waits for a processor. Preparing a statement costs more as well. So a list of
//! rows has a power of two of them, filled up with NULLs: a few texts serve any number of rows, and stay prepared.

use std::sync::Arc;

use cantus_model::ports::StoreError;
use futures_util::{TryStreamExt as _, stream::BoxStream};
use sqlx::{
    Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::error::explain;

/// A statement takes at most two to this power rows.
const LARGEST: u32 = 9;

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
            |power: u32| format!("{head} VALUES {} {tail};", vec![row.as_str(); 1_usize << power].join(",")).into();
        Self { columns, texts: (0..=LARGEST).map(text).collect() }
    }

    /// How many statements it takes for so many rows.
    pub(super) fn statements(rows: usize) -> usize {
        rows.div_ceil(1 << LARGEST)
    }

    /// Runs it over all `rows` and gathers what it returns.
    pub(super) async fn run<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: Bind<T>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut script = Script::default();
        script.rows(self, rows, bind)?;
        script.run(connection).await
    }
}

/// Statements that make one trip, in order. The first that fails is the last.
#[derive(Default)]
pub(super) struct Script {
    text: String,
    arguments: SqliteArguments,
}

impl Script {
    /// Puts statements without values before the others.
    pub(super) fn after(mut self, statements: &str) -> Self {
        self.text.insert_str(0, statements);
        self
    }

    /// Adds a statement without values.
    pub(super) fn then(&mut self, statement: &str) {
        self.text.push_str(statement);
        self.text.push(';');
    }

    /// Adds a statement with one value.
    pub(super) fn then_with<T>(&mut self, statement: &str, value: T) -> Result<(), StoreError>
    where
        T: for<'q> Encode<'q, Sqlite> + Type<Sqlite>,
    {
        self.then(statement);
        self.arguments.add(value).map_err(unfit)
    }

    /// Adds a statement whose values `bind` writes in their order.
    pub(super) fn then_binding(
        &mut self,
        statement: &str,
        bind: impl FnOnce(&mut SqliteArguments) -> Result<(), BoxDynError>,
    ) -> Result<(), StoreError> {
        self.then(statement);
        bind(&mut self.arguments).map_err(unfit)
    }

    /// Adds a statement over all `rows`, more than once if there are more than it takes; none if there are no rows.
    pub(super) fn rows<T>(&mut self, statement: &MultiRow, rows: &[T], bind: Bind<T>) -> Result<(), StoreError> {
        for chunk in rows.chunks(1 << LARGEST) {
            let filled_up = chunk.len().next_power_of_two();
            self.text.push_str(&statement.texts[filled_up.ilog2() as usize]);
            self.arguments.reserve(filled_up * statement.columns, 0);
            for row in chunk {
                bind(&mut self.arguments, row).map_err(unfit)?;
            }
            for _ in 0..(filled_up - chunk.len()) * statement.columns {
                self.arguments.add(None::<i64>).map_err(unfit)?;
            }
        }
        Ok(())
    }

    /// Runs it and gathers what its statements return.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        self.stream(connection).try_collect().await.map_err(explain)
    }

    /// Runs it as far as what its statements return is taken.
    pub(super) fn stream(self, connection: &mut SqliteConnection) -> BoxStream<'_, Result<SqliteRow, sqlx::Error>> {
        sqlx::query_with(AssertSqlSafe(self.text), self.arguments).fetch(connection)
    }
}

fn unfit(error: BoxDynError) -> StoreError {
    StoreError::Other(format!("a value does not fit: {error}"))
}
