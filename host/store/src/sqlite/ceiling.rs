//! What SQLite itself can do with the rows of a store: the ceilings that `cantus bench` measures against. It decides
//! nothing, checks nothing and is no way to write to a log.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use cantus_model::{AggregateRef, ports::StoreError};
use sqlx::{Arguments, ConnectOptions, Connection, error::BoxDynError, sqlite::SqliteArguments};

use super::{
    SqliteOptions, SqliteStore,
    error::explain,
    rows::{bound, column},
    statement::{MultiRow, Script},
};

/// One row of `command`, as it stands in the file.
struct Command {
    id: String,
    numbers: [i64; 5],
    first_offset: Option<i64>,
    hash: Vec<u8>,
    name: String,
    payload: Vec<u8>,
    context: String,
    outcome: String,
    component: Vec<u8>,
}

/// One row of `event`, as it stands in the file.
struct Event {
    numbers: [i64; 6],
    name: String,
    payload: Vec<u8>,
}

/// Copies the store at `source` to `target`, byte for byte, while nobody writes to it.
///
/// # Errors
/// If either file fails, or the store is busy.
pub async fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Other(format!("copying {}: {error}", source.display()));
    let mut connection = SqliteOptions::default().writing(source).connect().await.map_err(explain)?;
    let busy: bool =
        sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await.map_err(explain)?;
    if busy {
        return Err(StoreError::Transient("somebody reads the store that is to be copied".into()));
    }
    tokio::fs::copy(source, target).await.map_err(failed)?;
    connection.close().await.map_err(explain)
}

/// Inserts the rows of the last commands of the store at `source` into the store at `target`, with the same durability,
/// in transactions of the sizes that `batches` lists, and says how long that took. The target is a copy of the source
/// from before those commands, so that both write into tables of the same size. They must have one event a command.
///
/// # Errors
/// If either store fails, or the source holds fewer commands.
pub async fn bare_insert(source: &Path, target: &Path, batches: &[usize]) -> Result<Duration, StoreError> {
    let wanted = batches.iter().sum();
    let (commands, events) = rows(source, wanted).await?;
    if commands.len() != wanted || events.len() != wanted {
        return Err(StoreError::Other(format!(
            "{} commands and {} events, not {wanted}",
            commands.len(),
            events.len()
        )));
    }
    let mut connection = SqliteOptions::default().writing(target).connect().await.map_err(explain)?;
    let (insert_commands, insert_events) = statements();
    let started = Instant::now();
    let mut from = 0;
    for size in batches {
        let batch = from..from + size;
        let mut script = Script::default();
        script.then("BEGIN IMMEDIATE");
        script.rows(&insert_commands, &commands[batch.clone()], bind_command)?;
        script.rows(&insert_events, &events[batch], bind_event)?;
        script.then("COMMIT");
        script.run(&mut connection).await?;
        from += size;
    }
    Ok(started.elapsed())
}

/// Reads all events of a stream in one statement, looks at no more than that they are there, and says how many there
/// were and how long it took.
///
/// # Errors
/// If the store fails.
pub async fn bare_read(source: &Path, aggregate: &AggregateRef) -> Result<(usize, Duration), StoreError> {
    use futures_util::TryStreamExt as _;
    let store = SqliteStore::open_read_only_at(source, SqliteOptions::default()).await?;
    let started = Instant::now();
    let rows = sqlx::query(
        "SELECT e.version, e.name, e.schema_version, e.payload FROM stream AS s CROSS JOIN event AS e ON e.stream_pk = s.pk \
         WHERE s.aggregate_type = ? AND s.aggregate_id = ? ORDER BY e.version",
    )
    .bind(&aggregate.aggregate_type)
    .bind(&aggregate.id)
    .fetch(&store.readers)
    .try_fold(0, async |count, _| Ok(count + 1));
    let rows = rows.await.map_err(explain)?;
    Ok((rows, started.elapsed()))
}

fn statements() -> (MultiRow, MultiRow) {
    let insert = |table: &str, columns| {
        MultiRow::new(
            &format!("INSERT OR ROLLBACK INTO {table} SELECT * FROM ("),
            columns,
            ") WHERE column1 IS NOT NULL",
        )
    };
    (insert("command", 13), insert("event", 9))
}

async fn rows(source: &Path, wanted: usize) -> Result<(Vec<Command>, Vec<Event>), StoreError> {
    let store = SqliteStore::open_read_only_at(source, SqliteOptions::default()).await?;
    let commands = sqlx::query(
        "SELECT pk, stream_pk, base_version, schema_version, recorded_at, id, first_offset, request_hash, name, payload, \
         context, outcome, component_digest FROM (SELECT * FROM command ORDER BY pk DESC LIMIT ?) ORDER BY pk",
    )
    .bind(bound(wanted))
    .fetch_all(&store.readers)
    .await
    .map_err(explain)?;
    let events = sqlx::query(
        "SELECT offset, stream_pk, version, schema_version, recorded_at, command_pk, name, payload \
         FROM (SELECT * FROM event WHERE partition = 0 ORDER BY offset DESC LIMIT ?) ORDER BY offset",
    )
    .bind(bound(wanted))
    .fetch_all(&store.readers)
    .await
    .map_err(explain)?;
    let commands = commands.iter().map(|row| {
        Ok(Command {
            numbers: [column(row, 0)?, column(row, 1)?, column(row, 2)?, column(row, 3)?, column(row, 4)?],
            id: column(row, 5)?,
            first_offset: column(row, 6)?,
            hash: column(row, 7)?,
            name: column(row, 8)?,
            payload: column(row, 9)?,
            context: column(row, 10)?,
            outcome: column(row, 11)?,
            component: column(row, 12)?,
        })
    });
    let events = events.iter().map(|row| {
        let numbers =
            [column(row, 0)?, column(row, 1)?, column(row, 2)?, column(row, 3)?, column(row, 4)?, column(row, 5)?];
        Ok(Event { numbers, name: column(row, 6)?, payload: column(row, 7)? })
    });
    Ok((commands.collect::<Result<_, StoreError>>()?, events.collect::<Result<_, StoreError>>()?))
}

fn bind_command(arguments: &mut SqliteArguments, row: &Command) -> Result<(), BoxDynError> {
    let [pk, stream_pk, base_version, schema_version, recorded_at] = row.numbers;
    arguments.add(pk)?;
    arguments.add(row.id.as_str())?;
    arguments.add(stream_pk)?;
    arguments.add(row.hash.as_slice())?;
    arguments.add(base_version)?;
    arguments.add(row.name.as_str())?;
    arguments.add(schema_version)?;
    arguments.add(row.payload.as_slice())?;
    arguments.add(row.context.as_str())?;
    arguments.add(row.outcome.as_str())?;
    arguments.add(row.first_offset)?;
    arguments.add(row.component.as_slice())?;
    arguments.add(recorded_at)
}

fn bind_event(arguments: &mut SqliteArguments, row: &Event) -> Result<(), BoxDynError> {
    let [offset, stream_pk, version, schema_version, recorded_at, command_pk] = row.numbers;
    arguments.add(0)?;
    arguments.add(offset)?;
    arguments.add(stream_pk)?;
    arguments.add(version)?;
    arguments.add(row.name.as_str())?;
    arguments.add(schema_version)?;
    arguments.add(row.payload.as_slice())?;
    arguments.add(recorded_at)?;
    arguments.add(command_pk)
}
