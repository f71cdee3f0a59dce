//! The writing side. One batch, one transaction.

use std::{collections::HashMap, sync::LazyLock};

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, CommandRecord, Entry, EntryResult, PartitionId,
    ports::{Claim, Journal, StoreError},
};
use sqlx::{Arguments, SqliteConnection, sqlite::SqliteRow};

use super::{
    SqliteStore,
    error::explain,
    rows::{COMMAND_COLUMNS, bind_command, bind_event, bind_stream, bound, column, command_record, json},
    statement::{MultiRow, Script},
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

/// Those of the ids that are recorded, in one row, as a JSON list.
static FIND_IDS: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        "SELECT json_group_array(c.id) FROM (",
        1,
        ") AS asked CROSS JOIN command AS c ON c.id = asked.column1",
    )
});

static FIND_COMMANDS: LazyLock<MultiRow> = LazyLock::new(|| {
    MultiRow::new(
        &format!("SELECT {COMMAND_COLUMNS}, c.id FROM ("),
        1,
        ") AS asked CROSS JOIN command AS c ON c.id = asked.column1 JOIN stream AS s ON s.pk = c.stream_pk",
    )
});

/// Where the partition stands: its writer, its head and the keys in use. The keys are read every time, so that no
/// failed batch and no other process can leave them wrong.
const STAND: &str = "SELECT writer_epoch, head, (SELECT coalesce(max(pk), 0) FROM stream), \
     (SELECT coalesce(max(pk), 0) FROM command) FROM partition WHERE id = 0";

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
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError> {
        let mut transaction = self.begin().await?;
        let epoch: i64 = sqlx::query_scalar(
            "UPDATE partition SET writer_epoch = writer_epoch + 1 WHERE id = 0 RETURNING writer_epoch",
        )
        .fetch_one(transaction.connection())
        .await
        .map_err(explain)?;
        transaction.commit().await?;
        Ok(Claim { partition, epoch: epoch.unsigned_abs() })
    }

    /// Two trips: one that begins and asks, one that writes and commits.
    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        let question = Question::about(entries);
        let (mut transaction, rows) = self.writer()?.begin_with(ask(&question)?).await?;
        let answer = Answer::read(&rows, &question)?;
        if answer.epoch != claim.epoch {
            transaction.rollback().await?;
            return Err(StoreError::Fenced);
        }
        let mut known = answer.known;
        if !answer.recorded.is_empty() {
            known.commands = find_commands(transaction.connection(), &answer.recorded).await?;
        }
        let plan = plan(entries, &question, &known);
        if plan.commands.is_empty() {
            transaction.rollback().await?;
        } else {
            transaction.commit_after(writing(&plan)?).await?;
        }
        Ok(plan.results)
    }
}

fn ask(question: &Question<'_>) -> Result<Script, StoreError> {
    let mut script = Script::default();
    script.then(STAND);
    let asked: Vec<(i64, &AggregateRef)> = (0..).zip(question.aggregates.iter().copied()).collect();
    script.rows(&FIND_STREAMS, &asked, |arguments, (index, aggregate)| {
        arguments.add(*index)?;
        arguments.add(aggregate.aggregate_type.as_str())?;
        arguments.add(aggregate.id.as_str())
    })?;
    script.rows(&FIND_IDS, &question.command_ids, |arguments, id| arguments.add(*id))?;
    Ok(script)
}

/// What [`ask`] was answered.
struct Answer {
    epoch: u64,
    known: Known,
    /// Ids that have a record, which is still to be read: few have.
    recorded: Vec<String>,
}

impl Answer {
    fn read(rows: &[SqliteRow], question: &Question<'_>) -> Result<Self, StoreError> {
        let [stand, found @ ..] = rows else { return Err(StoreError::Corrupt("there is no partition".into())) };
        let mut known = Known {
            head: column(stand, 1)?,
            last_stream_pk: column(stand, 2)?,
            last_command_pk: column(stand, 3)?,
            streams: vec![None; question.aggregates.len()],
            ..Known::default()
        };
        let (streams, ids) = found.split_at(MultiRow::statements(question.aggregates.len()).min(found.len()));
        for row in streams {
            let found: Vec<(usize, i64, u64)> = json(column(row, 0)?)?;
            for (index, pk, version) in found {
                known.streams[index] = Some(KnownStream { pk, version });
            }
        }
        let mut recorded = Vec::new();
        for row in ids {
            recorded.append(&mut json(column(row, 0)?)?);
        }
        Ok(Self { epoch: column(stand, 0)?, known, recorded })
    }
}

async fn find_commands(
    connection: &mut SqliteConnection,
    ids: &[String],
) -> Result<HashMap<String, CommandRecord>, StoreError> {
    let rows = FIND_COMMANDS.run(connection, ids, |arguments, id| arguments.add(id.as_str())).await?;
    rows.iter().map(|row| Ok((column(row, 11)?, command_record(row)?))).collect()
}

fn writing(plan: &Plan<'_>) -> Result<Script, StoreError> {
    let mut script = Script::default();
    script.rows(&INSERT_STREAMS, &plan.streams, bind_stream)?;
    script.rows(&INSERT_COMMANDS, &plan.commands, bind_command)?;
    script.rows(&INSERT_EVENTS, &plan.events, bind_event)?;
    script.then_with("UPDATE partition SET head = ? WHERE id = 0", bound(plan.head))?;
    Ok(script)
}
