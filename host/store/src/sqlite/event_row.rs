//! The rows of `event`: their columns, stated once, as they are selected, inserted and read. Every event that is read is compared
//! with its checksum.

use std::sync::LazyLock;

use cantus_model::{
    AggregateRef, EventBatch, Message, PageLimit, Position, RecordedEvent, Timestamp, ports::StoreError,
};
use rusqlite::{Connection, Params, Row, Statement, ToSql};

use super::{
    columns::{insert_statement, select_list, table_columns},
    command_row::execute_insert,
    dictionary::NameDictionary,
    error::{checksum_differs, contiguous, explain},
    key::{key, split},
    packed::time,
    query::{next_row, prepare},
};
use crate::{
    integrity::{CanonicalBytes, EventFields},
    planner::EventRow,
};

table_columns! {
    /// The columns of `event`.
    EventColumn {
        Pk = "pk",
        Version = "version",
        Kind = "kind",
        Payload = "payload",
        RecordedAt = "recorded_at",
        Command = "command",
        Checksum = "checksum",
        Stream = "stream",
    }
}

pub(super) static INSERT_EVENT: LazyLock<String> = LazyLock::new(|| insert_statement("event", &EventColumn::NAMES));

/// Selects events of `event AS e`; conditions follow.
pub(super) static SELECT_EVENT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM event AS e", select_list("e", &EventColumn::NAMES)));

/// Inserts an event whose canonical bytes are in `canonical`.
pub(super) fn insert_event(
    statement: &mut Statement<'_>,
    connection: &Connection,
    dictionary: &mut NameDictionary,
    row: &EventRow<'_>,
    canonical: &CanonicalBytes,
) -> Result<(), StoreError> {
    let values: [&dyn ToSql; EventColumn::NAMES.len()] = [
        &key(row.partition, row.offset)?,
        &row.version,
        &dictionary.number_of_kind(connection, &row.event.name, row.event.version)?,
        &row.event.payload,
        &time(row.recorded_at)?,
        &key(row.partition, row.command)?,
        &canonical.checksum(),
        &key(row.partition, row.stream)?,
    ];
    execute_insert(statement, &values)
}

/// An event of a row, whose payload is still in the row.
pub(super) struct StoredEvent<'r> {
    pub(super) pk: i64,
    pub(super) version: u64,
    pub(super) name: &'r str,
    pub(super) schema_version: u32,
    pub(super) payload: &'r [u8],
    pub(super) recorded_at: Timestamp,
    /// The keys of its command and of its stream.
    pub(super) command: i64,
    pub(super) stream: i64,
    checksum: u32,
}

impl<'r> StoredEvent<'r> {
    /// Reads a row of [`SELECT_EVENT`].
    pub(super) fn read(
        row: &'r Row<'_>,
        connection: &Connection,
        dictionary: &'r mut NameDictionary,
    ) -> Result<Self, StoreError> {
        let kind = dictionary.get_kind(connection, EventColumn::Kind.read(row)?)?;
        let payload = row.get_ref(EventColumn::Payload as usize).map_err(explain)?.as_blob();
        Ok(Self {
            pk: EventColumn::Pk.read(row)?,
            version: EventColumn::Version.read(row)?,
            name: &kind.name,
            schema_version: kind.version,
            payload: payload.map_err(|error| StoreError::Corrupt(format!("the payload of an event: {error}")))?,
            recorded_at: Timestamp(EventColumn::RecordedAt.read(row)?),
            command: EventColumn::Command.read(row)?,
            checksum: EventColumn::Checksum.read(row)?,
            stream: EventColumn::Stream.read(row)?,
        })
    }

    /// Compares the checksum with the row's content as an event of `aggregate`, whose canonical bytes are in `canonical`
    /// afterwards.
    pub(super) fn checksum_holds(&self, aggregate: &AggregateRef, canonical: &mut CanonicalBytes) -> bool {
        let (partition, offset) = split(self.pk);
        let fields = EventFields {
            partition,
            offset,
            aggregate,
            version: self.version,
            name: self.name,
            schema_version: self.schema_version,
            payload: self.payload,
            recorded_at: self.recorded_at,
            command: split(self.command).1,
        };
        canonical.set_event(&fields).checksum() == self.checksum
    }

    pub(super) fn into_recorded(self, aggregate: AggregateRef, command_id: String) -> RecordedEvent {
        let (partition, offset) = split(self.pk);
        RecordedEvent {
            position: Position { partition, offset },
            aggregate,
            version: self.version,
            event: self.to_message(),
            recorded_at: self.recorded_at,
            command_id,
        }
    }

    pub(super) fn to_message(&self) -> Message {
        Message { name: self.name.to_owned(), version: self.schema_version, payload: self.payload.to_vec() }
    }
}

/// Reads events and refuses those whose checksum differs.
#[derive(Default)]
pub(super) struct EventDecoder {
    canonical: CanonicalBytes,
}

impl EventDecoder {
    /// Reads an event of `aggregate` from a row of [`SELECT_EVENT`].
    pub(super) fn decode<'r>(
        &mut self,
        row: &'r Row<'_>,
        connection: &Connection,
        dictionary: &'r mut NameDictionary,
        aggregate: &AggregateRef,
    ) -> Result<StoredEvent<'r>, StoreError> {
        let event = StoredEvent::read(row, connection, dictionary)?;
        match event.checksum_holds(aggregate, &mut self.canonical) {
            true => Ok(event),
            false => Err(checksum_differs(format_args!("version {} of {aggregate}", event.version))),
        }
    }

    /// Reads the events of `aggregate` that `sql` selects, which must follow version `after` without gaps, up to `limit`.
    pub(super) fn read_batch(
        &mut self,
        (connection, dictionary): (&Connection, &mut NameDictionary),
        (sql, values): (&str, impl Params),
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError> {
        let mut statement = prepare(connection, sql)?;
        let mut rows = statement.query(values).map_err(explain)?;
        let (mut batch, mut expected) = (EventBatch::default(), after.saturating_add(1));
        while limit.has_room(&batch)
            && let Some(row) = next_row(&mut rows)?
        {
            contiguous(expected, EventColumn::Version.read(row)?, || format!("version of {aggregate}"))?;
            let event = self.decode(row, connection, dictionary, aggregate)?;
            batch.push(event.name, event.schema_version, event.payload);
            expected = expected.saturating_add(1);
        }
        Ok(batch)
    }
}
