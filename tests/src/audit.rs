//! Reads a store's file past the store, and checks that what is in it cannot be otherwise: for tests that break off a
//! writer at any moment.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, path::Path};

use cantus_model::{AggregateRef, Outcome};
use serde_json::Value;
use sqlx::{ConnectOptions, Connection, FromRow, SqliteConnection, sqlite::SqliteConnectOptions};

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
    /// Whom it was for.
    pub aggregate: AggregateRef,
    /// Accepted or rejected.
    pub outcome: Outcome,
    /// Stream version after it.
    pub version: u64,
}

/// An event as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// What happened.
    pub name: String,
    /// Its body, without the member `at`.
    pub payload: Value,
    /// The command that it came from.
    pub command: String,
}

#[derive(FromRow)]
struct StreamRow {
    pk: i64,
    aggregate_type: String,
    aggregate_id: String,
}

#[derive(FromRow)]
struct CommandRow {
    pk: i64,
    id: String,
    stream_pk: i64,
    base_version: i64,
    outcome: String,
    first_offset: Option<i64>,
}

#[derive(FromRow)]
struct EventRow {
    offset: i64,
    stream_pk: i64,
    version: i64,
    name: String,
    payload: Vec<u8>,
    command_pk: i64,
}

/// Reads the store at `path`.
///
/// # Panics
/// If it contradicts itself: a gap in the offsets or in a stream's versions, events without their command or a command
/// without its events, a command id twice, a head that is not where the events end.
pub async fn audit(path: &Path) -> Audit {
    let mut file = open(path).await;
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut file).await.unwrap();
    assert_eq!(sound, "ok");
    let audit = read(&mut file).await;
    file.close().await.unwrap();
    audit
}

async fn open(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn read(file: &mut SqliteConnection) -> Audit {
    // One state of the file for all statements.
    let mut file = file.begin().await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&mut *file).await.unwrap();
    if tables == 0 {
        return Audit::default(); // the writer was broken off before it was a store
    }
    let streams: Vec<StreamRow> = rows(&mut file, "SELECT pk, aggregate_type, aggregate_id FROM stream").await;
    let commands: Vec<CommandRow> = rows(&mut file, "SELECT * FROM command ORDER BY pk").await;
    let events: Vec<EventRow> = rows(&mut file, "SELECT * FROM event ORDER BY offset").await;
    let head: i64 = sqlx::query_scalar("SELECT head FROM partition").fetch_one(&mut *file).await.unwrap();
    assert_eq!(head, events.len() as i64, "the head is where the events end");
    weave(streams, commands, &events)
}

async fn rows<T: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin>(
    file: &mut SqliteConnection,
    query: &'static str,
) -> Vec<T> {
    sqlx::query_as(query).fetch_all(file).await.unwrap()
}

/// Follows the commands in the order of their recording, each with its events.
fn weave(streams: Vec<StreamRow>, commands: Vec<CommandRow>, events: &[EventRow]) -> Audit {
    let mut audit = Audit::default();
    let name = |row: StreamRow| (row.pk, AggregateRef::new(row.aggregate_type, row.aggregate_id));
    let names: BTreeMap<i64, AggregateRef> = streams.into_iter().map(name).collect();
    let mut rest = events;
    for command in commands {
        let aggregate = names.get(&command.stream_pk).expect("a command has a stream").clone();
        let outcome: Outcome = serde_json::from_str(&command.outcome).unwrap();
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
    assert_eq!((event.command_pk, event.stream_pk), (command.pk, command.stream_pk), "the event at {}", event.offset);
    let mut payload: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
    if let Some(object) = payload.as_object_mut() {
        object.remove("at");
    }
    Happened { name: event.name.clone(), payload, command: command.id.clone() }
}

/// Another process that is in the middle of writing, until it is dropped.
pub struct WriteLock {
    _file: SqliteConnection,
}

/// Takes the write lock of the store at `path`, past the store.
pub async fn hold_write_lock(path: &Path) -> WriteLock {
    let mut file = open(path).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut file).await.unwrap();
    WriteLock { _file: file }
}

/// Writes the whole write-ahead log of the store at `path` into its file; the next commit begins the log anew.
pub async fn checkpoint(path: &Path) {
    let mut file = open(path).await;
    let busy: bool = sqlx::query_scalar("PRAGMA wal_checkpoint(RESTART)").fetch_one(&mut file).await.unwrap();
    assert!(!busy);
    file.close().await.unwrap();
}

impl Audit {
    /// How many events there are.
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
            stream_pk: 1,
            base_version,
            outcome: r#"{"accepted":{"events":1}}"#.into(),
            first_offset: Some(first_offset),
        };
        let event = |offset: i64| EventRow {
            offset,
            stream_pk: 1,
            version: offset + 1,
            name: "E".into(),
            payload: b"{}".into(),
            command_pk: offset + 1,
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
        assert!(!holds(|_, _, events| events[1].command_pk = 1), "another command's event");
        assert!(!holds(|_, commands, _| commands[1].base_version = 0), "decided on another state");
    }
}
