//! Appends a batch of entries to a partition, within a transaction of the caller.

use std::{collections::HashMap, sync::LazyLock};

use cantus_model::{AggregateRef, Digest, Entry, EntryResult, PartitionId, ports::StoreError};
use rusqlite::Connection;

use super::{
    command_row::{INSERT_COMMAND, SELECT_COMMAND, StoredCommand, insert_command},
    connection::Session,
    error::explain,
    event_row::{INSERT_EVENT, insert_event},
    key::{key, split},
    packed::PackedId,
    partition_row::{PartitionRow, advance},
    query::{next_row, prepare, query_optional},
};
use crate::{
    heads::Head,
    integrity::{ChainHasher, EventFields},
    planner::{BatchKeys, BatchLookup, CommandRow, CommitPlan, EventRow, StreamPosition, plan_commit},
};

const FIND_STREAM: &str = "SELECT pk, coalesce((SELECT max(version) FROM event WHERE stream = s.pk), 0) \
     FROM stream AS s WHERE aggregate_type = ? AND aggregate_id = ?";

/// The condition is the expression of the index.
const FIND_ID: &str = "SELECT pk FROM command WHERE pk >> 40 = ? AND id = ?";

static FIND_COMMAND: LazyLock<String> = LazyLock::new(|| format!("{} WHERE c.pk = ?", *SELECT_COMMAND));

const INSERT_STREAM: &str = "INSERT INTO stream (pk, aggregate_type, aggregate_id) VALUES (?, ?, ?)";

/// The results of a batch, and the new head of the partition if the batch wrote anything.
pub(super) type BatchOutcome = (Vec<EntryResult>, Option<Head>);

/// Judges entries and writes the rows of those that are recorded.
pub(super) fn append(
    session: &mut Session,
    partition: PartitionId,
    entries: &[Entry],
) -> Result<BatchOutcome, StoreError> {
    let row = PartitionRow::read(&session.connection, partition)?;
    let keys = BatchKeys::of(entries);
    let lookup = look_up(session, partition, &row, &keys)?;
    let plan = plan_commit(entries, &keys, &lookup);
    if plan.commands.is_empty() {
        return Ok((plan.results, None));
    }
    let chain = write(session, &plan, &row.chain)?;
    for (aggregate, stream) in &plan.advanced {
        session.streams.put(aggregate, *stream);
    }
    let head = Head { partition, commands: plan.counts.commands, events: plan.counts.events, chain };
    Ok((plan.results, Some(head)))
}

fn look_up(
    session: &mut Session,
    partition: PartitionId,
    row: &PartitionRow,
    keys: &BatchKeys<'_>,
) -> Result<BatchLookup, StoreError> {
    let mut streams = Vec::with_capacity(keys.aggregates.len());
    for aggregate in &keys.aggregates {
        streams.push(match session.streams.get(aggregate) {
            Some(cached) => Some(cached),
            None => find_stream(&session.connection, partition, aggregate)?,
        });
    }
    let mut commands = HashMap::new();
    for id in &keys.command_ids {
        if let Some(record) = find_command(session, partition, id)? {
            commands.insert((*id).to_owned(), record.into_record()?);
        }
    }
    Ok(BatchLookup { partition, counts: row.counts, streams, commands })
}

fn find_stream(
    connection: &Connection,
    partition: PartitionId,
    aggregate: &AggregateRef,
) -> Result<Option<StreamPosition>, StoreError> {
    let values = [&aggregate.aggregate_type, &aggregate.id];
    let found = query_optional(connection, FIND_STREAM, values, |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
    match found.map(|(pk, version)| (split(pk), version)) {
        Some(((owner, number), version)) if owner == partition => Ok(Some(StreamPosition { number, version })),
        Some(((owner, _), _)) => {
            Err(StoreError::Corrupt(format!("{aggregate} is in partition {owner}, not in {partition}")))
        }
        None => Ok(None),
    }
}

/// Finds the command that is recorded under an id.
pub(super) fn find_command(
    session: &mut Session,
    partition: PartitionId,
    id: &str,
) -> Result<Option<StoredCommand>, StoreError> {
    let Session { connection, dictionary, canonical, .. } = session;
    let pk = query_optional(connection, FIND_ID, (partition.0, PackedId(id)), |row| row.get::<_, i64>(0))?;
    let Some(pk) = pk else { return Ok(None) };
    let mut statement = prepare(connection, &FIND_COMMAND)?;
    let mut rows = statement.query([pk]).map_err(explain)?;
    match next_row(&mut rows)? {
        Some(row) => StoredCommand::read(row, connection, dictionary, canonical).map(Some),
        None => Err(StoreError::Corrupt(format!("the command {id} or its stream is missing"))),
    }
}

/// Writes the rows of a plan. Returns the hash of the commit.
fn write(session: &mut Session, plan: &CommitPlan<'_>, previous: &Digest) -> Result<Digest, StoreError> {
    let Session { connection, dictionary, canonical, .. } = session;
    let mut stream = prepare(connection, INSERT_STREAM)?;
    for row in &plan.streams {
        let (pk, AggregateRef { aggregate_type, id }) = (key(row.partition, row.number)?, row.aggregate);
        stream.execute((pk, aggregate_type, id)).map_err(explain)?;
    }
    let (mut command, mut event) = (prepare(connection, &INSERT_COMMAND)?, prepare(connection, &INSERT_EVENT)?);
    let (mut chain, mut events) = (ChainHasher::after(previous), plan.events.iter().peekable());
    let mut last = None;
    for row in &plan.commands {
        let bytes = row.fields.write_to(canonical, row.partition, row.number);
        chain.add(bytes);
        let checksum = bytes.checksum();
        // The last command is inserted when the hash of the whole commit is known.
        match row.number == plan.counts.commands {
            true => last = Some((row, checksum)),
            false => insert_command(&mut command, connection, dictionary, row, (checksum, None))?,
        }
        while let Some(next) = events.next_if(|event| event.command == row.number) {
            chain.add(canonical.set_event(&event_fields(next, row)));
            insert_event(&mut event, connection, dictionary, next, canonical)?;
        }
    }
    let hash = chain.finish();
    if let Some((row, checksum)) = last {
        insert_command(&mut command, connection, dictionary, row, (checksum, Some(hash)))?;
    }
    advance(connection, plan.partition, plan.counts, &hash)?;
    Ok(hash)
}

fn event_fields<'a>(event: &EventRow<'a>, command: &CommandRow<'a>) -> EventFields<'a> {
    EventFields {
        partition: event.partition,
        offset: event.offset,
        aggregate: command.fields.aggregate,
        version: event.version,
        name: &event.event.name,
        schema_version: event.event.version,
        payload: &event.event.payload,
        recorded_at: event.recorded_at,
        command: event.command,
    }
}
