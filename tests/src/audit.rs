//! Reads a store's file past the store, and checks that what is in it cannot be otherwise: for tests that break off a
//! writer at any moment.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, path::Path, time::Duration};

use cantus_model::{AggregateRef, Outcome, Rejection};
use rusqlite::{Connection, Row, types::ValueRef};
use serde_json::Value;

/// Time to wait for a writer.
const PATIENCE: Duration = Duration::from_secs(10);

/// All that a store holds, apart from what may differ between two runs of the same commands: times and offsets.
#[derive(Debug, Default, PartialEq)]
pub struct Audit {
    /// Every recorded command, by id.
    pub commands: BTreeMap<String, Recorded>,
    /// Every stream's events, oldest first.
    pub streams: BTreeMap<AggregateRef, Vec<Happened>>,
}

/// A command as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The aggregate that it was for.
    pub aggregate: AggregateRef,
    /// Accepted or rejected.
    pub outcome: Outcome,
    /// Stream version after it.
    pub version: u64,
}

/// An event as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// The outcome.
    pub name: String,
    /// Its body, without the member `at`.
    pub payload: Value,
    /// The command that it came from.
    pub command: String,
}

struct StreamRow {
    pk: i64,
    aggregate_type: String,
    aggregate_id: String,
}

struct CommandRow {
    pk: i64,
    id: String,
    stream: i64,
    base_version: i64,
    outcome: Outcome,
    first_offset: Option<i64>,
}

struct EventRow {
    offset: i64,
    stream: i64,
    version: i64,
    name: String,
    payload: Vec<u8>,
    command: i64,
}

/// Reads the store at `path`, which has one partition.
///
/// # Panics
/// If it contradicts itself: a gap in the offsets or in a stream's versions, events without their command or a command
/// without its events, a command id twice, a head that is not where the events end.
pub async fn audit(path: &Path) -> Audit {
    let file = Connection::open(path).unwrap();
    file.busy_timeout(PATIENCE).unwrap();
    let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    read(&file)
}

fn read(file: &Connection) -> Audit {
    // One state of the file for all statements.
    let file = file.unchecked_transaction().unwrap();
    let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    if number("SELECT count(*) FROM sqlite_master") == 0 {
        return Audit::default(); // the writer was broken off before it was a store
    }
    let streams = rows(&file, "SELECT pk, aggregate_type, aggregate_id FROM stream", |row| {
        Ok(StreamRow { pk: row.get(0)?, aggregate_type: row.get(1)?, aggregate_id: row.get(2)? })
    });
    let commands = "SELECT pk, id, stream, base_version, outcome, first_offset FROM command ORDER BY pk";
    let commands = rows(&file, commands, |row| {
        let outcome = match row.get_ref(4)? {
            ValueRef::Integer(events) => Outcome::Accepted { events: events as u32 },
            json => {
                let json: Value = serde_json::from_str(json.as_str()?).unwrap();
                let text = |name: &str| json[name].as_str().map(ToOwned::to_owned);
                let (code, message) = (text("code").unwrap(), text("message").unwrap());
                Outcome::Rejected(Rejection { code, message, detail: text("detail").map(String::into_bytes) })
            }
        };
        let id = match row.get_ref(1)? {
            ValueRef::Blob(uuid) => format!("{uuid:02x?}"),
            text => text.as_str()?.to_owned(),
        };
        let (pk, stream, base_version, first_offset) = (row.get(0)?, row.get(2)?, row.get(3)?, row.get(5)?);
        Ok(CommandRow { pk, id, stream, base_version, outcome, first_offset })
    });
    let events = "SELECT e.pk, stream, version, k.name, payload, command FROM event AS e JOIN kind AS k ON k.number = e.kind \
                  ORDER BY e.pk";
    let events = rows(&file, events, |row| {
        Ok(EventRow {
            offset: row.get(0)?,
            stream: row.get(1)?,
            version: row.get(2)?,
            name: row.get(3)?,
            payload: row.get(4)?,
            command: row.get(5)?,
        })
    });
    assert_eq!(number("SELECT head FROM partition"), events.len() as i64, "the head is where the events end");
    weave(streams, commands, &events)
}

fn rows<T>(file: &Connection, sql: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    file.prepare(sql).unwrap().query_map([], read).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Follows the commands in the order of their recording, each with its events.
fn weave(streams: Vec<StreamRow>, commands: Vec<CommandRow>, events: &[EventRow]) -> Audit {
    let mut audit = Audit::default();
    let name = |row: StreamRow| (row.pk, AggregateRef::new(row.aggregate_type, row.aggregate_id));
    let names: BTreeMap<i64, AggregateRef> = streams.into_iter().map(name).collect();
    let mut rest = events;
    for command in commands {
        let aggregate = names.get(&command.stream).expect("a command has a stream").clone();
        let outcome = command.outcome.clone();
        let count = if let Outcome::Accepted { events } = outcome { events as usize } else { 0 };
        let (own, later) = rest.split_at_checked(count).expect("a command has its events");
        rest = later;
        assert_eq!(command.first_offset, own.first().map(|event| event.offset), "{}", command.id);
        let stream = audit.streams.entry(aggregate.clone()).or_default();
        assert_eq!(command.base_version, stream.len() as i64, "{}: {aggregate}", command.id);
        stream.extend(own.iter().map(|event| happened(event, &command)));
        for (version, event) in (command.base_version + 1..).zip(own) {
            assert_eq!(event.version, version, "{aggregate} has a gap");
        }
        let recorded = Recorded { aggregate, outcome, version: stream.len() as u64 };
        assert!(audit.commands.insert(command.id.clone(), recorded).is_none(), "{} is there twice", command.id);
    }
    assert!(rest.is_empty(), "{} events have no command", rest.len());
    for (offset, event) in (0..).zip(events) {
        assert_eq!(event.offset, offset, "the log has a gap");
    }
    audit
}

fn happened(event: &EventRow, command: &CommandRow) -> Happened {
    assert_eq!((event.command, event.stream), (command.pk, command.stream), "the event at {}", event.offset);
    let mut payload: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
    if let Some(object) = payload.as_object_mut() {
        object.remove("at");
    }
    Happened { name: event.name.clone(), payload, command: command.id.clone() }
}

/// Another process that is in the middle of writing, until it is dropped.
pub struct WriteLock {
    _file: Connection,
}

/// Takes the write lock of the store at `path`, past the store.
pub async fn hold_write_lock(path: &Path) -> WriteLock {
    let file = Connection::open(path).unwrap();
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    WriteLock { _file: file }
}

/// Writes the whole write-ahead log of the store at `path` into its file; the next commit begins the log anew.
pub async fn checkpoint(path: &Path) {
    let file = Connection::open(path).unwrap();
    file.busy_timeout(PATIENCE).unwrap();
    let busy: bool = file.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0)).unwrap();
    assert!(!busy);
}

impl Audit {
    /// Count of events.
    pub fn events(&self) -> usize {
        self.streams.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> (Vec<StreamRow>, Vec<CommandRow>, Vec<EventRow>) {
        let stream = StreamRow { pk: 1, aggregate_type: "A".into(), aggregate_id: "a".into() };
        let command = |pk, base_version, first_offset: i64| CommandRow {
            pk,
            id: format!("c{pk}"),
            stream: 1,
            base_version,
            outcome: Outcome::Accepted { events: 1 },
            first_offset: Some(first_offset),
        };
        let event = |offset: i64| EventRow {
            offset,
            stream: 1,
            version: offset + 1,
            name: "E".into(),
            payload: b"{}".into(),
            command: offset + 1,
        };
        (vec![stream], vec![command(1, 0, 0), command(2, 1, 1)], vec![event(0), event(1)])
    }

    fn holds(spoil: impl FnOnce(&mut Vec<StreamRow>, &mut Vec<CommandRow>, &mut Vec<EventRow>)) -> bool {
        let (mut streams, mut commands, mut events) = one_of_each();
        spoil(&mut streams, &mut commands, &mut events);
        std::panic::catch_unwind(|| weave(streams, commands, &events)).is_ok()
    }

    #[test]
    fn it_sees_what_is_wrong() {
        assert!(holds(|_, _, _| {}));
        assert!(!holds(|_, commands, _| drop(commands.pop())), "events without a command");
        assert!(!holds(|_, _, events| drop(events.pop())), "a command without its events");
        assert!(!holds(|_, commands, _| commands[1].id = "c1".into()), "an id twice");
        assert!(!holds(|_, _, events| events[1].version = 3), "a gap in the stream");
        assert!(
            !holds(|_, commands, events| (events[1].offset, commands[1].first_offset) = (5, Some(5))),
            "in the log"
        );
        assert!(!holds(|streams, _, _| streams.clear()), "a command of no stream");
        assert!(!holds(|_, _, events| events[1].command = 1), "another command's event");
        assert!(!holds(|_, commands, _| commands[1].base_version = 0), "decided on another state");
    }
}
