//! Many rows in one: JSON that SQLite puts together. A row on its way from SQLite's thread costs several times what it takes
//! to read it. Numbers and what is JSON already go in as they are, names are quoted, and bytes are hexadecimal.

use std::sync::LazyLock;

use cantus_model::{AggregateRef, CommandRecord, Context, Message, Outcome, RecordedCommand, ports::StoreError};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection, sqlite::SqliteRow};

use crate::sqlite::{
    error::explain,
    rows::{bound, column, digest, json},
    statement::{MultiRow, Script},
};

/// Bytes of commands, or of events, that are packed at once. What is larger by itself is packed alone.
const BYTES: usize = 4 << 20;

/// The commands of `temp.history` beyond place `?1` up to place `?2`, unless they are too large, and the stream of the
/// command behind them.
static COMMANDS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT CASE WHEN ?2 - ?1 = 1 \
         OR (SELECT sum(bytes) FROM temp.history WHERE place > ?1 AND place <= ?2) <= {BYTES} THEN \
         (SELECT concat('[', group_concat(concat('[', h.place, ',', h.stream_pk, ',', c.pk, ',', \
         json_quote(s.aggregate_type), ',', json_quote(s.aggregate_id), ',\"', hex(c.request_hash), '\",', \
         c.base_version, ',', json_quote(c.name), ',', c.schema_version, ',\"', hex(c.payload), '\",', c.context, ',', \
         c.outcome, ',', ifnull(c.first_offset, 'null'), ',\"', hex(c.component_digest), '\"]')), ']') \
         FROM temp.history AS h CROSS JOIN command AS c ON c.pk = h.pk CROSS JOIN stream AS s ON s.pk = h.stream_pk \
         WHERE h.place > ?1 AND h.place <= ?2) END, \
         (SELECT stream_pk FROM temp.history WHERE place = ?2 + 1)"
    )
});

/// The events of several commands, of each its first offset and how many it has, unless they are too large.
static EVENTS: LazyLock<MultiRow> = LazyLock::new(|| {
    let from = "FROM asked CROSS JOIN event AS e \
                ON e.partition = 0 AND e.offset >= asked.column1 AND e.offset < asked.column1 + asked.column2";
    MultiRow::new(
        "WITH asked AS MATERIALIZED (",
        2,
        &format!(
            ") SELECT CASE WHEN (SELECT count(*) FROM asked) = 1 \
             OR (SELECT total(octet_length(e.payload)) {from}) <= {BYTES} THEN \
             (SELECT concat('[', group_concat(concat('[', e.stream_pk, ',', e.command_pk, ',', e.version, ',', \
             json_quote(e.name), ',', e.schema_version, ',\"', hex(e.payload), '\"]')), ']') {from}) END"
        ),
    )
});

/// A command on its way.
#[derive(Deserialize)]
pub(super) struct Command {
    pub(super) place: u64,
    pub(super) stream_pk: i64,
    pub(super) pk: i64,
    aggregate_type: String,
    id: String,
    request_hash: Bytes,
    base_version: u64,
    name: String,
    version: u32,
    payload: Bytes,
    context: Context,
    outcome: Outcome,
    first_offset: Option<u64>,
    component: Bytes,
}

impl Command {
    /// As it was recorded, without its events.
    pub(super) fn into_recorded(self) -> Result<RecordedCommand, StoreError> {
        let record = CommandRecord {
            aggregate: AggregateRef { aggregate_type: self.aggregate_type, id: self.id },
            request_hash: digest(&self.request_hash.0)?,
            base_version: self.base_version,
            command: Message { name: self.name, version: self.version, payload: self.payload.0 },
            context: self.context,
            outcome: self.outcome,
            first_offset: self.first_offset,
            component: digest(&self.component.0)?,
        };
        Ok(RecordedCommand { record, events: Vec::new() })
    }
}

/// An event on its way.
#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) stream_pk: i64,
    pub(super) command_pk: i64,
    pub(super) version: u64,
    name: String,
    schema_version: u32,
    payload: Bytes,
}

impl Event {
    pub(super) fn into_message(self) -> Message {
        Message { name: self.name, version: self.schema_version, payload: self.payload.0 }
    }
}

/// Bytes that SQLite wrote as hexadecimal digits.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (pairs, _) = <&str>::deserialize(deserializer)?.as_bytes().as_chunks();
        Ok(Self(pairs.iter().map(|&[high, low]| value(high) << 4 | value(low)).collect()))
    }
}

/// What a hexadecimal digit stands for: one of `0` to `9`, whose bit 6 is clear, or of `A` to `F`.
fn value(digit: u8) -> u8 {
    (digit & 0xf) + 9 * (digit >> 6)
}

/// Commands, and the stream of the one behind them, if there is one.
pub(super) type Commands = (Vec<Command>, Option<i64>);

/// The commands beyond place `after` up to place `to`, or `None` if they are too much at once.
pub(super) async fn commands(
    connection: &mut SqliteConnection,
    after: u64,
    to: u64,
) -> Result<Option<Commands>, StoreError> {
    let sql = AssertSqlSafe(COMMANDS.as_str());
    let row = sqlx::query(sql).bind(bound(after)).bind(bound(to)).fetch_one(connection).await.map_err(explain)?;
    let commands = unpack(&row)?;
    commands.map(|commands| Ok((commands, column(&row, 1)?))).transpose()
}

/// The events at `offsets`, of each command the first one and how many, or `None` if they are too much at once.
pub(super) async fn events(
    connection: &mut SqliteConnection,
    offsets: &[(i64, i64)],
) -> Result<Option<Vec<Event>>, StoreError> {
    let mut script = Script::default();
    script.rows(&EVENTS, offsets, |arguments, (first, count)| {
        arguments.add(*first)?;
        arguments.add(*count)
    })?;
    let mut events = Vec::new();
    for row in script.run(connection).await? {
        let Some(more) = unpack(&row)? else { return Ok(None) };
        events.extend::<Vec<_>>(more);
    }
    Ok(Some(events))
}

fn unpack<T: DeserializeOwned>(row: &SqliteRow) -> Result<Option<Vec<T>>, StoreError> {
    column::<Option<&str>>(row, 0)?.map(json).transpose()
}
