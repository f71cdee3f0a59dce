//! The rows of commands and events: their columns once, as they are bound and as they are read. Whatever is read is held
//! against its checksum.

use std::sync::LazyLock;

use cantus_model::{
    AggregateRef, CommandRecord, Digest, EventBatch, Message, Position, RecordedEvent, Timestamp, ports::StoreError,
};
use rusqlite::{Connection, Row, Statement, ToSql, params, types::FromSql};

use super::{
    error::{damaged, explain},
    key::{key, split},
    names::Names,
    packed::{Extra, Id, Packed, Request},
};
use crate::{
    integrity::{Canonical, CommandFields, EventFields},
    planner::{CommandRow, EventRow},
};

/// The columns of `command`, in the order in which they are bound and read.
const COMMAND: [&str; 14] = [
    "pk",
    "id",
    "stream",
    "request",
    "base_version",
    "kind",
    "payload",
    "context",
    "outcome",
    "first_offset",
    "decider",
    "recorded_at",
    "checksum",
    "chain",
];

/// The columns of `event`, likewise.
const EVENT: [&str; 8] = ["pk", "version", "kind", "payload", "recorded_at", "command", "checksum", "stream"];

pub(super) static INSERT_COMMAND: LazyLock<String> = LazyLock::new(|| {
    format!("INSERT INTO command ({}) VALUES ({})", COMMAND.join(", "), ["?"; COMMAND.len()].join(", "))
});

pub(super) static INSERT_EVENT: LazyLock<String> =
    LazyLock::new(|| format!("INSERT INTO event ({}) VALUES ({})", EVENT.join(", "), ["?"; EVENT.len()].join(", ")));

/// Selects whole commands of `command AS c`, with the names of their streams; conditions follow.
pub(super) static SELECT_COMMAND: LazyLock<String> = LazyLock::new(|| {
    let columns = COMMAND.map(|column| format!("c.{column}")).join(", ");
    format!(
        "SELECT {columns}, s.aggregate_type, s.aggregate_id FROM command AS c CROSS JOIN stream AS s ON s.pk = c.stream"
    )
});

/// Selects events of `event AS e`; conditions follow.
pub(super) static SELECT_EVENT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM event AS e", EVENT.map(|column| format!("e.{column}")).join(", ")));

/// One column.
pub(super) fn column<T: FromSql>(row: &Row<'_>, index: usize) -> Result<T, StoreError> {
    row.get(index).map_err(explain)
}

/// A number as a signed column holds it; one that is too large stands for the largest, which no row reaches.
pub(super) fn bound(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A time as a signed column holds it.
pub(super) fn time(time: Timestamp) -> Result<i64, StoreError> {
    i64::try_from(time.0).map_err(|_| StoreError::Other(format!("the time {} is after the year 294247", time.0)))
}

/// Bytes of a row of [`SELECT_COMMAND`], as far as they have no bound.
pub(super) fn command_bytes(row: &Row<'_>) -> usize {
    [6, 7, 8].into_iter().filter_map(|index| row.get_ref(index).ok()?.as_bytes().ok()).map(<[u8]>::len).sum()
}

/// A command as it is stored.
pub(super) struct StoredCommand {
    pub(super) pk: i64,
    pub(super) stream: i64,
    pub(super) record: CommandRecord,
    /// If it is the last one of its commit: the commit's hash.
    pub(super) chain: Option<Digest>,
    pub(super) checksum_holds: bool,
}

impl StoredCommand {
    /// Reads a row of [`SELECT_COMMAND`].
    pub(super) fn read(
        row: &Row<'_>,
        connection: &Connection,
        names: &mut Names,
        canonical: &mut Canonical,
    ) -> Result<Self, StoreError> {
        let Id::<String>(id) = column(row, 1)?;
        let kind = names.kind(connection, column(row, 5)?)?;
        let command = Message { name: kind.name.clone(), version: kind.version, payload: column(row, 6)? };
        let aggregate = AggregateRef { aggregate_type: column(row, 14)?, id: column(row, 15)? };
        let extra: Option<Extra> = column(row, 7)?;
        let base_version = column(row, 4)?;
        let Packed(outcome) = column(row, 8)?;
        let record = CommandRecord {
            request_hash: column::<Request>(row, 3)?.hash(&aggregate, &command, base_version),
            base_version,
            context: extra.unwrap_or_default().into_context(&id, Timestamp(column(row, 11)?)),
            outcome,
            first_offset: column(row, 9)?,
            component: names.decider(connection, column(row, 10)?)?,
            command,
            aggregate,
        };
        let pk = column(row, 0)?;
        let (partition, number) = split(pk);
        let checksum = canonical.command(&CommandFields::of(partition, number, &record)).checksum();
        Ok(Self {
            pk,
            stream: column(row, 2)?,
            chain: column::<Option<[u8; 32]>>(row, 13)?.map(Digest::from_bytes),
            checksum_holds: column::<u32>(row, 12)? == checksum,
            record,
        })
    }

    /// The record, if it is what was written.
    pub(super) fn intact(self) -> Result<CommandRecord, StoreError> {
        match self.checksum_holds {
            true => Ok(self.record),
            false => Err(damaged(format_args!("the command {}", self.record.context.command_id))),
        }
    }
}

/// Inserts a command; with the hash of the commit if it is the commit's last one.
pub(super) fn insert_command(
    statement: &mut Statement<'_>,
    connection: &Connection,
    names: &mut Names,
    row: &CommandRow<'_>,
    (checksum, chain): (u32, Option<Digest>),
) -> Result<(), StoreError> {
    let (entry, decision) = (row.entry, row.decision);
    let (id, context, command) = (entry.command_id.as_str(), &decision.context, &decision.command);
    let values = params![
        key(row.partition, row.number)?,
        Id(id),
        key(row.partition, row.stream)?,
        Request::of(&entry.request_hash, &entry.aggregate, command, decision.base_version),
        decision.base_version,
        names.number_kind(connection, &command.name, command.version)?,
        command.payload,
        Extra::of(context, id),
        Packed(decision.verdict.outcome()),
        row.first_offset,
        names.number_decider(connection, decision.component)?,
        time(context.now)?,
        checksum,
        chain.as_ref().map(|hash| hash.as_bytes().as_slice()),
    ];
    insert(statement, values)
}

/// Inserts an event whose canonical bytes are in `canonical`.
pub(super) fn insert_event(
    statement: &mut Statement<'_>,
    connection: &Connection,
    names: &mut Names,
    row: &EventRow<'_>,
    canonical: &Canonical,
) -> Result<(), StoreError> {
    let values = params![
        key(row.partition, row.offset)?,
        row.version,
        names.number_kind(connection, &row.event.name, row.event.version)?,
        row.event.payload,
        time(row.recorded_at)?,
        key(row.partition, row.command)?,
        canonical.checksum(),
        key(row.partition, row.stream)?,
    ];
    insert(statement, values)
}

fn insert(statement: &mut Statement<'_>, values: &[&dyn ToSql]) -> Result<(), StoreError> {
    match statement.execute(values).map_err(explain)? {
        1 => Ok(()),
        rows => Err(StoreError::Other(format!("an insert wrote {rows} rows"))),
    }
}

/// Reads rows of [`SELECT_EVENT`].
#[derive(Default)]
pub(super) struct EventDecoder {
    canonical: Canonical,
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
    /// Reads a row.
    pub(super) fn read(row: &'r Row<'_>, connection: &Connection, names: &'r mut Names) -> Result<Self, StoreError> {
        let kind = names.kind(connection, column(row, 2)?)?;
        let payload = row.get_ref(3).map_err(explain)?.as_blob();
        Ok(Self {
            pk: column(row, 0)?,
            version: column(row, 1)?,
            name: &kind.name,
            schema_version: kind.version,
            payload: payload.map_err(|error| StoreError::Corrupt(format!("a payload: {error}")))?,
            recorded_at: Timestamp(column(row, 4)?),
            command: column(row, 5)?,
            checksum: column(row, 6)?,
            stream: column(row, 7)?,
        })
    }

    /// Its canonical bytes as an event of `aggregate`.
    pub(super) fn canonical<'c>(&self, aggregate: &AggregateRef, canonical: &'c mut Canonical) -> &'c Canonical {
        let (partition, offset) = split(self.pk);
        canonical.event(&EventFields {
            partition,
            offset,
            aggregate,
            version: self.version,
            name: self.name,
            schema_version: self.schema_version,
            payload: self.payload,
            recorded_at: self.recorded_at,
            command: split(self.command).1,
        })
    }

    /// Whether it is what was written, as an event of `aggregate`.
    pub(super) fn checksum_holds(&self, aggregate: &AggregateRef, canonical: &mut Canonical) -> bool {
        self.canonical(aggregate, canonical).checksum() == self.checksum
    }

    /// The event with all that is known of it.
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

    /// What happened.
    pub(super) fn to_message(&self) -> Message {
        Message { name: self.name.to_owned(), version: self.schema_version, payload: self.payload.to_vec() }
    }

    /// Adds it to a batch.
    pub(super) fn push_to(&self, batch: &mut EventBatch) {
        batch.push(self.name, self.schema_version, self.payload);
    }
}

impl EventDecoder {
    /// Reads the next event of `aggregate`, which must be what was written.
    pub(super) fn intact<'r>(
        &mut self,
        row: &'r Row<'_>,
        connection: &Connection,
        names: &'r mut Names,
        aggregate: &AggregateRef,
    ) -> Result<StoredEvent<'r>, StoreError> {
        let event = StoredEvent::read(row, connection, names)?;
        match event.checksum_holds(aggregate, &mut self.canonical) {
            true => Ok(event),
            false => Err(damaged(format_args!("version {} of {aggregate}", event.version))),
        }
    }
}
