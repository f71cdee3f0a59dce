//! Brings a store of format 1 or 2 up to date in one transaction: commits its recorded commands again, in their order, into tables
//! of today's format. Ids, times and offsets stay; snapshots are a cache and are dropped.

use cantus_model::{
    AggregateRef, Decision, Digest, Entry, EntryResult, LogInfo, Message, Outcome, PartitionId, Verdict,
    ports::StoreError,
};
use rusqlite::Row;

use super::{
    activation_rows::{insert_activation, insert_component, read_activation, read_component},
    append::append,
    connection::Session,
    error::explain,
    query::{column, for_each_row, next_row, prepare, query_all, query_row},
    schema::create_log,
};

const FORMAT_2: &str = include_str!("schema/format_2.sql");

const RENAME_TABLES: &str = "ALTER TABLE partition RENAME TO old_partition; ALTER TABLE stream RENAME TO old_stream; \
     ALTER TABLE command RENAME TO old_command; ALTER TABLE event RENAME TO old_event; \
     ALTER TABLE component RENAME TO old_component; ALTER TABLE activation RENAME TO old_activation; DROP TABLE snapshot";

const DROP_OLD_TABLES: &str = "DROP TABLE old_partition; DROP TABLE old_stream; DROP TABLE old_command; DROP TABLE old_event; \
     DROP TABLE old_component; DROP TABLE old_activation; DROP TABLE _sqlx_migrations";

const COMMANDS: &str = "SELECT c.pk, c.id, c.request_hash, c.base_version, c.name, c.schema_version, c.payload, c.context, \
     c.outcome, c.first_offset, c.component_digest, s.aggregate_type, s.aggregate_id \
     FROM old_command AS c CROSS JOIN old_stream AS s ON s.pk = c.stream_pk WHERE c.pk > ? ORDER BY c.pk LIMIT ?";

const EVENTS: &str = "SELECT name, schema_version, payload FROM old_event \
     WHERE partition = 0 AND offset >= ? AND offset < ? AND command_pk = ? ORDER BY offset";

const COMPONENTS: &str = "SELECT digest, manifest, first_seen FROM old_component ORDER BY rowid";

const ACTIVATIONS: &str = "SELECT seq, at, plugin, cause, from_digest, to_digest, who, why, report \
     FROM old_activation ORDER BY seq";

/// The limits of a batch: commands, and bytes of their payloads and those of their events.
const BATCH_COMMANDS: usize = 512;
const BATCH_BYTES: usize = 4 << 20;

/// Rewrites a store of format 1 or 2, within a transaction of the caller.
pub(super) fn upgrade(session: &mut Session, format: i64) -> Result<(), StoreError> {
    let run = |session: &Session, sql: &str| session.connection.execute_batch(sql).map_err(explain);
    if format == 1 {
        run(session, FORMAT_2)?;
    }
    run(session, RENAME_TABLES)?;
    let log_id = query_row(&session.connection, "SELECT log_id FROM old_partition", [], |row| row.get(0))?;
    create_log(&session.connection, &LogInfo { log_id, partitions: 1 })?;
    copy_journal(session)?;
    copy_activations(session)?;
    run(session, "UPDATE partition SET writer_epoch = (SELECT writer_epoch FROM old_partition)")?;
    run(session, DROP_OLD_TABLES)
}

fn copy_journal(session: &mut Session) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let batch = read_batch(session, after)?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.pk;
        let (entries, offsets): (Vec<Entry>, Vec<_>) =
            batch.into_iter().map(|old| (old.entry, old.first_offset)).unzip();
        let (results, _) = append(session, PartitionId::FIRST, &entries)?;
        for ((entry, offset), result) in entries.iter().zip(offsets).zip(results) {
            if !matches!(result, EntryResult::Committed { first_offset, .. } if first_offset == offset) {
                let id = &entry.command_id;
                return Err(StoreError::Corrupt(format!("the command {id} does not follow from those before it")));
            }
        }
        tracing::info!(commands = after, "the store is brought up to date");
    }
}

/// A command of an older format.
struct OldCommand {
    pk: i64,
    first_offset: Option<u64>,
    entry: Entry,
}

impl OldCommand {
    fn payload_bytes(&self) -> usize {
        self.entry.decision.as_ref().map_or(0, |decision| {
            let events: usize = decision.verdict.events().iter().map(|event| event.payload.len()).sum();
            decision.command.payload.len() + events
        })
    }
}

fn read_batch(session: &Session, after: i64) -> Result<Vec<OldCommand>, StoreError> {
    let mut statement = prepare(&session.connection, COMMANDS)?;
    let mut rows = statement.query((after, BATCH_COMMANDS)).map_err(explain)?;
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH_BYTES
        && let Some(row) = next_row(&mut rows)?
    {
        let old = read_command(session, row)?;
        bytes += old.payload_bytes();
        batch.push(old);
    }
    Ok(batch)
}

fn read_command(session: &Session, row: &Row<'_>) -> Result<OldCommand, StoreError> {
    let (pk, first_offset) = (column(row, 0)?, column::<Option<u64>>(row, 9)?);
    let verdict = match parse_json(&column::<String>(row, 8)?)? {
        Outcome::Accepted { events } => Verdict::Accepted(read_events(session, pk, first_offset, events)?),
        Outcome::Rejected(rejection) => Verdict::Rejected(rejection),
    };
    let decision = Decision {
        base_version: column(row, 3)?,
        command: Message { name: column(row, 4)?, version: column(row, 5)?, payload: column(row, 6)? },
        context: parse_json(&column::<String>(row, 7)?)?,
        verdict,
        component: Digest::from_bytes(column(row, 10)?),
    };
    let entry = Entry {
        command_id: column(row, 1)?,
        request_hash: Digest::from_bytes(column(row, 2)?),
        aggregate: AggregateRef { aggregate_type: column(row, 11)?, id: column(row, 12)? },
        decision: Some(decision),
    };
    Ok(OldCommand { pk, first_offset, entry })
}

fn read_events(session: &Session, command: i64, first: Option<u64>, count: u32) -> Result<Vec<Message>, StoreError> {
    let first = first.unwrap_or(0);
    let values = (first, first + u64::from(count), command);
    let events = query_all(&session.connection, EVENTS, values, |row| {
        Ok(Message { name: column(row, 0)?, version: column(row, 1)?, payload: column(row, 2)? })
    })?;
    match events.len() == count as usize {
        true => Ok(events),
        false => Err(StoreError::Corrupt(format!("some events of the {command}th command are missing"))),
    }
}

fn copy_activations(session: &mut Session) -> Result<(), StoreError> {
    let Session { connection, canonical, .. } = session;
    for_each_row(connection, COMPONENTS, [], |row| insert_component(connection, canonical, &read_component(row)?.0))?;
    for_each_row(connection, ACTIVATIONS, [], |row| insert_activation(connection, canonical, &read_activation(row)?))
}

fn parse_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt(format!("a record of the older format does not decode: {error}")))
}
