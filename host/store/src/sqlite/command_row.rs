//! The rows of `command`: their columns, stated once, as they are selected, inserted and read.
//!
//! A new column of the command record goes into [`CommandColumn`], [`insert_command`] and [`StoredCommand::read`] here, and into
//! `CommandFields`, whose bytes the checksum covers. Both change the format of the store.

use std::sync::LazyLock;

use cantus_model::{AggregateRef, CommandRecord, Digest, Message, Timestamp, ports::StoreError};
use rusqlite::{Connection, Row, Statement, ToSql};

use super::{
    columns::{insert_statement, select_list, table_columns},
    dictionary::NameDictionary,
    error::{checksum_differs, explain},
    key::{key, split},
    packed::{PackedContext, PackedId, PackedOutcome, PackedRequest, time},
    query::column,
};
use crate::{command_fields::CommandFields, integrity::CanonicalBytes, planner::CommandRow};

table_columns! {
    /// The columns of `command`.
    CommandColumn {
        Pk = "pk",
        Id = "id",
        Stream = "stream",
        Request = "request",
        BaseVersion = "base_version",
        Kind = "kind",
        Payload = "payload",
        Context = "context",
        Outcome = "outcome",
        FirstOffset = "first_offset",
        Decider = "decider",
        RecordedAt = "recorded_at",
        Checksum = "checksum",
        Chain = "chain",
    }
}

/// The columns that a selected command has after its own: the names of its stream, and the `extra` of [`select_commands`].
const AGGREGATE_TYPE: usize = CommandColumn::NAMES.len();
const AGGREGATE_ID: usize = AGGREGATE_TYPE + 1;
pub(super) const EXTRA_COLUMN: usize = AGGREGATE_ID + 1;

pub(super) static INSERT_COMMAND: LazyLock<String> =
    LazyLock::new(|| insert_statement("command", &CommandColumn::NAMES));

/// Selects whole commands of `command AS c`, with the names of their streams `AS s`; conditions follow.
pub(super) static SELECT_COMMAND: LazyLock<String> = LazyLock::new(|| select_commands("command AS c", &[]));

/// Returns [`SELECT_COMMAND`] from another `source`, which includes `command AS c`, with `extra` columns of it.
pub(super) fn select_commands(source: &str, extra: &[&str]) -> String {
    let columns = select_list("c", &CommandColumn::NAMES);
    let columns = [&[columns.as_str(), "s.aggregate_type", "s.aggregate_id"], extra].concat().join(", ");
    format!("SELECT {columns} FROM {source} CROSS JOIN stream AS s ON s.pk = c.stream")
}

/// Returns the bytes of the columns of a selected command that have no bound.
pub(super) fn unbounded_bytes(row: &Row<'_>) -> usize {
    let columns = [CommandColumn::Payload, CommandColumn::Context, CommandColumn::Outcome];
    columns.into_iter().filter_map(|column| row.get_ref(column as usize).ok()?.as_bytes().ok()).map(<[u8]>::len).sum()
}

/// A command as it is stored.
pub(super) struct StoredCommand {
    pub(super) pk: i64,
    pub(super) stream: i64,
    pub(super) record: CommandRecord,
    /// On the last command of each commit: the hash of the commit.
    pub(super) chain: Option<Digest>,
    pub(super) checksum_holds: bool,
}

impl StoredCommand {
    /// Reads a row of [`SELECT_COMMAND`].
    pub(super) fn read(
        row: &Row<'_>,
        connection: &Connection,
        dictionary: &mut NameDictionary,
        canonical: &mut CanonicalBytes,
    ) -> Result<Self, StoreError> {
        use CommandColumn as Column;
        let PackedId::<String>(id) = Column::Id.read(row)?;
        let kind = dictionary.get_kind(connection, Column::Kind.read(row)?)?;
        let command = Message { name: kind.name.clone(), version: kind.version, payload: Column::Payload.read(row)? };
        let aggregate = AggregateRef { aggregate_type: column(row, AGGREGATE_TYPE)?, id: column(row, AGGREGATE_ID)? };
        let context: Option<PackedContext> = Column::Context.read(row)?;
        let base_version = Column::BaseVersion.read(row)?;
        let PackedOutcome(outcome) = Column::Outcome.read(row)?;
        let record = CommandRecord {
            request_hash: Column::Request.read::<PackedRequest>(row)?.unpack(&aggregate, &command, base_version),
            base_version,
            context: context.unwrap_or_default().unpack(&id, Timestamp(Column::RecordedAt.read(row)?)),
            outcome,
            first_offset: Column::FirstOffset.read(row)?,
            component: dictionary.get_decider(connection, Column::Decider.read(row)?)?,
            command,
            aggregate,
        };
        let pk = Column::Pk.read(row)?;
        let (partition, number) = split(pk);
        let checksum = CommandFields::of_record(&record).write_to(canonical, partition, number).checksum();
        Ok(Self {
            pk,
            stream: Column::Stream.read(row)?,
            chain: Column::Chain.read::<Option<[u8; 32]>>(row)?.map(Digest::from_bytes),
            checksum_holds: Column::Checksum.read::<u32>(row)? == checksum,
            record,
        })
    }

    /// Returns the record.
    ///
    /// # Errors
    /// If its checksum differs.
    pub(super) fn into_record(self) -> Result<CommandRecord, StoreError> {
        match self.checksum_holds {
            true => Ok(self.record),
            false => Err(checksum_differs(format_args!("the command {}", self.record.context.command_id))),
        }
    }
}

/// Inserts a command. `chain` is the hash of the commit if the command is its last one.
pub(super) fn insert_command(
    statement: &mut Statement<'_>,
    connection: &Connection,
    dictionary: &mut NameDictionary,
    row: &CommandRow<'_>,
    (checksum, chain): (u32, Option<Digest>),
) -> Result<(), StoreError> {
    let CommandRow { partition, number, stream, command_id, fields } = row;
    let (command, context) = (fields.command, fields.context);
    let values: [&dyn ToSql; CommandColumn::NAMES.len()] = [
        &key(*partition, *number)?,
        &PackedId(*command_id),
        &key(*partition, *stream)?,
        &PackedRequest::pack(fields.request_hash, fields.aggregate, command, fields.base_version),
        &fields.base_version,
        &dictionary.number_of_kind(connection, &command.name, command.version)?,
        &command.payload,
        &PackedContext::pack(context, command_id),
        &PackedOutcome(fields.outcome.as_ref()),
        &fields.first_offset,
        &dictionary.number_of_decider(connection, fields.component)?,
        &time(context.now)?,
        &checksum,
        &chain.as_ref().map(|hash| hash.as_bytes().as_slice()),
    ];
    execute_insert(statement, &values)
}

/// Runs the insert of one row.
pub(super) fn execute_insert(statement: &mut Statement<'_>, values: &[&dyn ToSql]) -> Result<(), StoreError> {
    match statement.execute(values).map_err(explain)? {
        1 => Ok(()),
        rows => {
            Err(StoreError::Other(format!("an insert of one row wrote {rows} rows: the store's tables were changed")))
        }
    }
}
