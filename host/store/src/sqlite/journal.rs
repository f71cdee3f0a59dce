//! The writing side. One batch, one transaction.

use std::{collections::HashMap, sync::LazyLock};

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, CommandRecord, Entry, EntryResult,
    ports::{Journal, StoreError, WriterEpoch},
};
use sqlx::{Arguments, SqliteConnection};

use super::{
    SqliteStore,
    error::explain,
    rows::{COMMAND_COLUMNS, bind_command, bind_event, bind_stream, bound, column, command_record, json},
    statement::MultiRow,
};
use crate::planner::{Known, KnownStream, Plan, Question, plan};

/// All streams in one row, as a JSON list of `[index, pk, version]`: a row costs more on its way than in SQLite.
static FIND_STREAMS: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "SELECT json_group_array(json_array(asked.column1, s.pk, \
         coalesce((SELECT max(e.version) FROM event AS e WHERE e.stream_pk = s.pk), 0))) FROM (",
        3,
        ") AS asked CROSS JOIN stream AS s ON s.aggregate_type = asked.column2 AND s.aggregate_id = asked.column3",
    )
});

static FIND_COMMANDS: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        &format!("SELECT {COMMAND_COLUMNS}, c.id FROM ("),
        1,
        ") AS asked CROSS JOIN command AS c ON c.id = asked.column1 JOIN stream AS s ON s.pk = c.stream_pk",
    )
});

// A violated constraint ends the whole transaction: without OR ROLLBACK SQLite keeps a journal to undo each statement.

static INSERT_STREAMS: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "INSERT OR ROLLBACK INTO stream (pk, aggregate_type, aggregate_id, partition) SELECT * FROM (",
        4,
        ") WHERE column1 IS NOT NULL",
    )
});

static INSERT_COMMANDS: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "INSERT OR ROLLBACK INTO command (pk, id, stream_pk, request_hash, base_version, name, schema_version, payload, context, \
         outcome, first_offset, component_digest, recorded_at) SELECT * FROM (",
        13,
        ") WHERE column1 IS NOT NULL",
    )
});

static INSERT_EVENTS: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "INSERT OR ROLLBACK INTO event (partition, offset, stream_pk, version, name, schema_version, payload, recorded_at, \
         command_pk) SELECT * FROM (",
        9,
        ") WHERE column1 IS NOT NULL",
    )
});

#[async_trait]
impl Journal for SqliteStore {
    async fn claim(&self) -> Result<WriterEpoch, StoreError> {
        let mut transaction = self.begin().await?;
        let epoch: i64 = sqlx::query_scalar(
            "UPDATE partition SET writer_epoch = writer_epoch + 1 WHERE id = 0 RETURNING writer_epoch",
        )
        .fetch_one(transaction.connection())
        .await
        .map_err(explain)?;
        transaction.commit().await?;
        Ok(WriterEpoch(epoch.unsigned_abs()))
    }

    async fn commit(&self, epoch: WriterEpoch, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        let mut transaction = self.begin().await?;
        let connection = transaction.connection();
        let (current, mut known) = stand(connection).await?;
        if current != epoch {
            transaction.rollback().await?;
            return Err(StoreError::Fenced);
        }
        let question = Question::about(entries);
        known.streams = find_streams(connection, &question.aggregates).await?;
        known.commands = find_commands(connection, &question.command_ids).await?;
        let plan = plan(entries, &question, &known);
        if plan.commands.is_empty() {
            transaction.rollback().await?;
        } else {
            write(connection, &plan).await?;
            transaction.commit().await?;
        }
        Ok(plan.results)
    }
}

/// Where the partition stands: its writer, its head and the keys in use. The keys are read every time, so that no
/// failed batch and no other process can leave them wrong.
async fn stand(connection: &mut SqliteConnection) -> Result<(WriterEpoch, Known), StoreError> {
    let row = sqlx::query(
        "SELECT writer_epoch, head, (SELECT coalesce(max(pk), 0) FROM stream), (SELECT coalesce(max(pk), 0) FROM command) \
         FROM partition WHERE id = 0",
    )
    .fetch_one(connection)
    .await
    .map_err(explain)?;
    let known = Known {
        head: column(&row, 1)?,
        last_stream_pk: column(&row, 2)?,
        last_command_pk: column(&row, 3)?,
        ..Known::default()
    };
    Ok((WriterEpoch(column(&row, 0)?), known))
}

async fn find_streams(
    connection: &mut SqliteConnection,
    aggregates: &[&AggregateRef],
) -> Result<Vec<Option<KnownStream>>, StoreError> {
    let asked: Vec<(i64, &AggregateRef)> = (0..).zip(aggregates.iter().copied()).collect();
    let rows = FIND_STREAMS
        .run(connection, &asked, |arguments, (index, aggregate)| {
            arguments.add(*index)?;
            arguments.add(aggregate.aggregate_type.as_str())?;
            arguments.add(aggregate.id.as_str())
        })
        .await?;
    let mut streams = vec![None; aggregates.len()];
    for row in &rows {
        let found: Vec<(usize, i64, u64)> = json(column(row, 0)?)?;
        for (index, pk, version) in found {
            streams[index] = Some(KnownStream { pk, version });
        }
    }
    Ok(streams)
}

async fn find_commands(
    connection: &mut SqliteConnection,
    ids: &[&str],
) -> Result<HashMap<String, CommandRecord>, StoreError> {
    let rows = FIND_COMMANDS.run(connection, ids, |arguments, id| arguments.add(*id)).await?;
    rows.iter().map(|row| Ok((column(row, 11)?, command_record(row)?))).collect()
}

async fn write(connection: &mut SqliteConnection, plan: &Plan<'_>) -> Result<(), StoreError> {
    INSERT_STREAMS.run(connection, &plan.streams, bind_stream).await?;
    INSERT_COMMANDS.run(connection, &plan.commands, bind_command).await?;
    INSERT_EVENTS.run(connection, &plan.events, bind_event).await?;
    sqlx::query("UPDATE partition SET head = ? WHERE id = 0")
        .bind(bound(plan.head))
        .execute(connection)
        .await
        .map_err(explain)?;
    Ok(())
}
