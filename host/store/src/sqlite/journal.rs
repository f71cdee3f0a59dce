//! The writing side. One batch, one transaction.

use std::{collections::HashMap, sync::LazyLock};

use async_trait::async_trait;
use cantus_model::{
    AggregateRef, Digest, Entry, EntryResult, PartitionId,
    ports::{Claim, Journal, StoreError},
};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    SqliteStore,
    connection::{Session, prepare},
    error::explain,
    key::{key, split},
    packed::Id,
    readers::blocking,
    rows::{INSERT_COMMAND, INSERT_EVENT, SELECT_COMMAND, StoredCommand, insert_command, insert_event},
    writer::{Done, Durability},
};
use crate::{
    heads::Head,
    integrity::{ChainHasher, CommandFields, EventFields},
    planner::{CommandRow, EventRow, Known, KnownStream, Plan, Question, plan},
};

const PARTITION: &str = "SELECT writer_epoch, head, commands, streams, chain FROM partition WHERE id = ?";

const FIND_STREAM: &str = "SELECT pk, coalesce((SELECT max(version) FROM event WHERE stream = s.pk), 0) \
     FROM stream AS s WHERE aggregate_type = ? AND aggregate_id = ?";

/// The condition is the index's own expression.
const FIND_ID: &str = "SELECT pk FROM command WHERE pk >> 40 = ? AND id = ?";

static FIND_COMMAND: LazyLock<String> = LazyLock::new(|| format!("{} WHERE c.pk = ?", *SELECT_COMMAND));

const INSERT_STREAM: &str = "INSERT INTO stream (pk, aggregate_type, aggregate_id) VALUES (?, ?, ?)";

const ADVANCE: &str = "UPDATE partition SET head = ?, commands = ?, streams = ?, chain = ? WHERE id = ?";

#[async_trait]
impl Journal for SqliteStore {
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError> {
        let inner = self.writing()?;
        blocking(move || inner.claim(partition)).await
    }

    /// Blocks its thread: a committer has one of its own, and a trip to another one and back costs more than the rows.
    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        let inner = self.writing()?;
        let commit = |session: &mut Session| commit(session, claim, entries);
        let (results, head) = inner.writer.write(Durability::Durable, commit)?;
        if let Some(head) = head {
            inner.heads.advance(&head);
        }
        Ok(results)
    }
}

/// Refuses a writer that was replaced.
pub(super) fn check_claim(connection: &Connection, claim: Claim) -> Result<(), StoreError> {
    match Standing::read(connection, claim.partition)?.epoch == claim.epoch {
        true => Ok(()),
        false => Err(StoreError::Fenced),
    }
}

/// Where a partition stands.
pub(super) struct Standing {
    pub(super) epoch: u64,
    pub(super) head: u64,
    pub(super) commands: u64,
    pub(super) streams: u64,
    pub(super) chain: Digest,
}

impl Standing {
    /// Read at every commit, so that no failed batch and no other process can leave it wrong.
    pub(super) fn read(connection: &Connection, partition: PartitionId) -> Result<Self, StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Self {
                epoch: row.get(0)?,
                head: row.get(1)?,
                commands: row.get(2)?,
                streams: row.get(3)?,
                chain: Digest::from_bytes(row.get(4)?),
            })
        };
        let standing = prepare(connection, PARTITION)?.query_row([partition.0], read).optional().map_err(explain)?;
        standing.ok_or_else(|| crate::no_partition(partition))
    }
}

/// What became of each entry, and where the partition stands after them.
pub(super) type Committed = (Vec<EntryResult>, Option<Head>);

fn commit(session: &mut Session, claim: Claim, entries: &[Entry]) -> Result<Done<Committed>, StoreError> {
    check_claim(&session.connection, claim)?;
    session.streams.hold_to(claim);
    let committed = append(session, claim.partition, entries)?;
    Ok(if committed.1.is_some() { Done::Commit(committed) } else { Done::Rollback(committed) })
}

/// Judges entries and writes what they lead to, within a transaction of the caller's. Where that is nothing, there is no new
/// head.
pub(super) fn append(
    session: &mut Session,
    partition: PartitionId,
    entries: &[Entry],
) -> Result<Committed, StoreError> {
    let standing = Standing::read(&session.connection, partition)?;
    let question = Question::about(entries);
    let known = look_up(session, partition, &standing, &question)?;
    let plan = plan(entries, &question, &known);
    if plan.commands.is_empty() {
        return Ok((plan.results, None));
    }
    let chain = write(session, &plan, &standing.chain)?;
    for (aggregate, stream) in &plan.advanced {
        session.streams.put(aggregate, *stream);
    }
    let head = Head { partition, commands: plan.commands_count, events: plan.head, chain };
    Ok((plan.results, Some(head)))
}

fn look_up(
    session: &mut Session,
    partition: PartitionId,
    standing: &Standing,
    question: &Question<'_>,
) -> Result<Known, StoreError> {
    let mut streams = Vec::with_capacity(question.aggregates.len());
    for aggregate in &question.aggregates {
        let known = session.streams.get(aggregate);
        streams.push(
            known.map_or_else(|| find_stream(&session.connection, partition, aggregate), |known| Ok(Some(known)))?,
        );
    }
    let mut commands = HashMap::new();
    for id in &question.command_ids {
        if let Some(record) = find_command(session, partition, id)? {
            commands.insert((*id).to_owned(), record.intact()?);
        }
    }
    Ok(Known {
        partition,
        head: standing.head,
        streams_count: standing.streams,
        commands_count: standing.commands,
        streams,
        commands,
    })
}

fn find_stream(
    connection: &Connection,
    partition: PartitionId,
    aggregate: &AggregateRef,
) -> Result<Option<KnownStream>, StoreError> {
    let found: Option<(i64, u64)> = prepare(connection, FIND_STREAM)?
        .query_row([&aggregate.aggregate_type, &aggregate.id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(explain)?;
    match found.map(|(pk, version)| (split(pk), version)) {
        Some(((of, number), version)) if of == partition => Ok(Some(KnownStream { number, version })),
        Some(((of, _), _)) => Err(StoreError::Corrupt(format!("{aggregate} is in partition {of}, not in {partition}"))),
        None => Ok(None),
    }
}

/// The command that is recorded under an id.
pub(super) fn find_command(
    session: &mut Session,
    partition: PartitionId,
    id: &str,
) -> Result<Option<StoredCommand>, StoreError> {
    let Session { connection, names, canonical, .. } = session;
    let pk: Option<i64> =
        prepare(connection, FIND_ID)?.query_row((partition.0, Id(id)), |row| row.get(0)).optional().map_err(explain)?;
    let Some(pk) = pk else { return Ok(None) };
    let mut statement = prepare(connection, &FIND_COMMAND)?;
    let mut rows = statement.query([pk]).map_err(explain)?;
    match rows.next().map_err(explain)? {
        Some(row) => StoredCommand::read(row, connection, names, canonical).map(Some),
        None => Err(StoreError::Corrupt(format!("the command {id} or its stream is missing"))),
    }
}

/// Writes the rows of a plan, and returns the hash of the commit.
fn write(session: &mut Session, plan: &Plan<'_>, previous: &Digest) -> Result<Digest, StoreError> {
    let Session { connection, names, canonical, .. } = session;
    let mut stream = prepare(connection, INSERT_STREAM)?;
    for row in &plan.streams {
        let (pk, AggregateRef { aggregate_type, id }) = (key(row.partition, row.number)?, row.aggregate);
        stream.execute((pk, aggregate_type, id)).map_err(explain)?;
    }
    let (mut command, mut event) = (prepare(connection, &INSERT_COMMAND)?, prepare(connection, &INSERT_EVENT)?);
    let (mut chain, mut events) = (ChainHasher::after(previous), plan.events.iter().peekable());
    let mut last = None;
    for row in &plan.commands {
        canonical.command(&command_fields(row, &row.decision.verdict.outcome()));
        chain.add(canonical);
        // The last one waits for the hash of the whole commit.
        let is_last = row.number == plan.commands_count;
        let checksum = canonical.checksum();
        match is_last {
            true => last = Some((row, checksum)),
            false => insert_command(&mut command, connection, names, row, (checksum, None))?,
        }
        while let Some(of_command) = events.next_if(|event| event.command == row.number) {
            chain.add(canonical.event(&event_fields(of_command, row)));
            insert_event(&mut event, connection, names, of_command, canonical)?;
        }
    }
    let hash = chain.finish();
    if let Some((row, checksum)) = last {
        insert_command(&mut command, connection, names, row, (checksum, Some(hash)))?;
    }
    advance(connection, plan, &hash)?;
    Ok(hash)
}

fn advance(connection: &Connection, plan: &Plan<'_>, hash: &Digest) -> Result<(), StoreError> {
    let partition = plan.partition.0;
    let values = (plan.head, plan.commands_count, plan.streams_count, hash.as_bytes().as_slice(), partition);
    match prepare(connection, ADVANCE)?.execute(values).map_err(explain)? {
        1 => Ok(()),
        _ => Err(crate::no_partition(plan.partition)),
    }
}

fn command_fields<'a>(row: &CommandRow<'a>, outcome: &'a cantus_model::Outcome) -> CommandFields<'a> {
    CommandFields {
        partition: row.partition,
        number: row.number,
        aggregate: &row.entry.aggregate,
        request_hash: &row.entry.request_hash,
        base_version: row.decision.base_version,
        command: &row.decision.command,
        context: &row.decision.context,
        outcome,
        first_offset: row.first_offset,
        component: &row.decision.component,
    }
}

fn event_fields<'a>(event: &EventRow<'a>, command: &CommandRow<'a>) -> EventFields<'a> {
    EventFields {
        partition: event.partition,
        offset: event.offset,
        aggregate: &command.entry.aggregate,
        version: event.version,
        name: &event.event.name,
        schema_version: event.event.version,
        payload: &event.event.payload,
        recorded_at: event.recorded_at,
        command: event.command,
    }
}
