//! Reads a whole store and holds everything in it against everything else: checksums, the chain, numbers without gaps, and
//! what rows say of each other. It goes on behind what is damaged.

use std::{collections::HashMap, fmt::Display, ops::RangeInclusive, sync::LazyLock};

use cantus_model::{AggregateRef, Digest, PartitionId, Snapshot, ports::StoreError};
use rusqlite::{CachedStatement, Connection, Row};

use super::{
    SqliteStore,
    activations::{read_activations, read_components},
    connection::{Session, prepare, run},
    error::explain,
    history::WINDOW,
    journal::Standing,
    key::{key, last_key, split},
    names::Names,
    ownership::{self, last_number},
    readers::blocking,
    rows::{SELECT_COMMAND, SELECT_EVENT, StoredCommand, StoredEvent, column},
};
use crate::{
    CheckReport, Head,
    heads::HeadsFile,
    integrity::{Canonical, ChainHasher, genesis},
};

static COMMANDS: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE c.pk > ? AND c.pk <= ? ORDER BY c.pk", *SELECT_COMMAND));

static EVENTS: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE e.pk >= ? AND e.pk <= ? ORDER BY e.pk", *SELECT_EVENT));

const SNAPSHOTS: &str = "SELECT n.version, n.decider, n.state, n.checksum, s.aggregate_type, s.aggregate_id, \
     coalesce((SELECT max(version) FROM event WHERE stream = n.pk / 2), 0) \
     FROM snapshot AS n LEFT JOIN stream AS s ON s.pk = n.pk / 2";

impl SqliteStore {
    /// Checks all of it; `progress` hears how many of how many commands were checked. Writes nothing.
    ///
    /// # Errors
    /// If it cannot be read at all. What is wrong with it is in the report.
    pub(crate) async fn check(&self, progress: impl Fn(u64, u64) + Send + 'static) -> Result<CheckReport, StoreError> {
        let (mut session, mut report) = (self.readers.open().await?, CheckReport::new(self.info.clone()));
        let heads = HeadsFile::of(self.readers.path());
        blocking(move || {
            match ownership::heads(&session.connection, &report.info) {
                Ok(heads) => report.heads = heads,
                Err(error) => report.problem(error.to_string()),
            }
            check_heads(&session.connection, &heads, &mut report);
            for head in report.heads.clone() {
                let checked = check_partition(&mut session, head, &mut report, &progress);
                note(&mut report, format_args!("partition {}", head.partition), checked);
            }
            check_rest(&mut session, &mut report);
            Ok(report)
        })
        .await
    }
}

/// Notes why a part of the store could not be checked to its end, if so.
fn note(report: &mut CheckReport, what: impl Display, checked: Result<(), StoreError>) {
    if let Err(error) = checked {
        report.problem(format!("{what}: {error}"));
    }
}

/// Holds the store against what its host noted beside it.
fn check_heads(connection: &Connection, file: &HeadsFile, report: &mut CheckReport) {
    let compared = ownership::recorded(file).and_then(|recorded| match recorded {
        Some(recorded) => ownership::compare(connection, &report.info, &recorded),
        None => Ok(()),
    });
    if let Err(error) = compared {
        report.problem(error.to_string());
    }
}

/// Runs `check` on one committed state.
fn on_one_state<T>(
    session: &mut Session,
    check: impl FnOnce(&mut Session) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    run(&session.connection, "BEGIN")?;
    let checked = check(session);
    run(&session.connection, "ROLLBACK")?;
    checked
}

/// Where the check of a partition is.
struct Walk<'r> {
    partition: PartitionId,
    report: &'r mut CheckReport,
    /// The version that each stream has come to.
    versions: HashMap<i64, u64>,
    chain: ChainHasher,
    /// The hash of the commit before.
    previous: Digest,
    /// The number of the next command and the offset of the next event.
    command: u64,
    offset: u64,
    /// Commands since the last end of a commit.
    open: u64,
}

fn check_partition(
    session: &mut Session,
    head: Head,
    report: &mut CheckReport,
    progress: &impl Fn(u64, u64),
) -> Result<(), StoreError> {
    let previous = genesis(&report.info.log_id, head.partition);
    let mut walk = Walk {
        partition: head.partition,
        report,
        versions: HashMap::new(),
        chain: ChainHasher::after(&previous),
        previous,
        command: 1,
        offset: 0,
        open: 0,
    };
    let mut from = 0;
    while from < head.commands {
        let to = head.commands.min(from + WINDOW);
        on_one_state(session, |session| walk.window(session, from, to))?;
        progress(to, head.commands);
        from = to;
    }
    on_one_state(session, |session| walk.finish(&session.connection, &head))
}

impl Walk<'_> {
    /// Checks the commands beyond number `from` up to `to`, and their events.
    fn window(&mut self, session: &mut Session, from: u64, to: u64) -> Result<(), StoreError> {
        let Session { connection, names, canonical, .. } = session;
        let (mut commands, mut events) = (prepare(connection, &COMMANDS)?, prepare(connection, &EVENTS)?);
        let mut rows = commands.query((key(self.partition, from)?, key(self.partition, to)?)).map_err(explain)?;
        while let Some(row) = rows.next().map_err(explain)? {
            let pk = column(row, 0)?;
            let stored = StoredCommand::read(row, connection, names, canonical);
            let versions = match &stored {
                Ok(stored) => self.command(stored, canonical),
                Err(error) => {
                    let number = split(pk).1;
                    self.report.problem(format!("command {number} of partition {}: {error}", self.partition));
                    self.command = number + 1;
                    0..=0
                }
            };
            self.events(&mut events, connection, (names, canonical), (pk, stored.as_ref().ok(), versions))?;
            if let Ok(stored) = &stored {
                self.end_commit(stored);
            }
        }
        Ok(())
    }

    /// Checks the events of the command with the key `pk`: those behind the events before it that say so themselves.
    fn events(
        &mut self,
        statement: &mut CachedStatement<'_>,
        connection: &Connection,
        (names, canonical): (&mut Names, &mut Canonical),
        (pk, command, versions): (i64, Option<&StoredCommand>, RangeInclusive<u64>),
    ) -> Result<(), StoreError> {
        let bounds = (key(self.partition, self.offset)?, last_key(self.partition));
        let mut rows = statement.query(bounds).map_err(explain)?;
        let (first, last) = versions.into_inner();
        let mut version = first;
        while let Some(row) = rows.next().map_err(explain)? {
            if column::<i64>(row, 5)? > pk {
                break;
            }
            match (StoredEvent::read(row, connection, names), command) {
                (Ok(event), Some(command)) => self.event(&event, command, version, canonical),
                (Ok(_), None) => self.offset = split(column(row, 0)?).1 + 1,
                (Err(error), _) => {
                    self.report.problem(format!("the event at offset {}: {error}", self.offset));
                    self.offset = split(column(row, 0)?).1 + 1;
                }
            }
            version += 1;
        }
        if let Some(command) = command.filter(|_| version <= last) {
            self.report.problem(format!("versions {version} to {last} of {} are missing", command.record.aggregate));
        }
        Ok(())
    }

    /// Checks a command, and says which versions of its stream its events have.
    fn command(&mut self, stored: &StoredCommand, canonical: &Canonical) -> RangeInclusive<u64> {
        let (record, (_, number)) = (&stored.record, split(stored.pk));
        let id = &record.context.command_id;
        if number != self.command {
            self.report.problem(format!(
                "commands {} to {} of partition {} are missing",
                self.command,
                number - 1,
                self.partition
            ));
        }
        if !stored.checksum_holds {
            self.report.problem(format!("the command {id} is not what was written: its checksum differs"));
        }
        if PartitionId::of(&record.aggregate, self.report.info.partitions) != self.partition {
            self.report.problem(format!("{} does not belong to partition {}", record.aggregate, self.partition));
        }
        let version = self.versions.insert(stored.stream, record.version()).unwrap_or(0);
        if version != record.base_version {
            let base = record.base_version;
            self.report.problem(format!(
                "the command {id} stands on version {base} of {}, which was at {version}",
                record.aggregate
            ));
        }
        let count = record.version() - record.base_version;
        if record.first_offset != (count > 0).then_some(self.offset) {
            self.report.problem(format!("the events of the command {id} are not at {:?}", record.first_offset));
        }
        self.chain.add(canonical);
        (self.command, self.open) = (number + 1, self.open + 1);
        record.base_version + 1..=record.version()
    }

    fn event(&mut self, event: &StoredEvent<'_>, command: &StoredCommand, version: u64, canonical: &mut Canonical) {
        let (aggregate, (_, offset)) = (&command.record.aggregate, split(event.pk));
        if offset != self.offset {
            self.report.problem(format!(
                "offsets {} to {} of partition {} are missing",
                self.offset,
                offset.saturating_sub(1),
                self.partition
            ));
        }
        if (event.version, event.command, event.stream) != (version, command.pk, command.stream) {
            self.report.problem(format!("the event at offset {offset} is not version {version} of {aggregate}"));
        }
        if !event.checksum_holds(aggregate, canonical) {
            self.report
                .problem(format!("version {version} of {aggregate} is not what was written: its checksum differs"));
        }
        self.chain.add(canonical);
        self.offset = offset + 1;
    }

    /// Compares the chain at the end of a commit, and goes on from what is stored: one break is told once.
    fn end_commit(&mut self, stored: &StoredCommand) {
        let Some(hash) = stored.chain else { return };
        let next = ChainHasher::after(&hash);
        if std::mem::replace(&mut self.chain, next).finish() != hash {
            let id = &stored.record.context.command_id;
            self.report.problem(format!("the chain does not hold at the commit that ends with the command {id}"));
        }
        (self.previous, self.open) = (hash, 0);
    }

    fn finish(self, connection: &Connection, head: &Head) -> Result<(), StoreError> {
        let Self { partition, report, previous, command, offset, open, versions, .. } = self;
        if (command - 1, offset) != (head.commands, head.events) {
            report.problem(format!(
                "partition {partition} has {} commands and {offset} events, and says {} and {}",
                command - 1,
                head.commands,
                head.events
            ));
        }
        if open > 0 {
            report.problem(format!("the last {open} commands of partition {partition} belong to no commit"));
        }
        if previous != head.chain {
            report.problem(format!(
                "partition {partition} says that its chain ends with {}, and it ends with {previous}",
                head.chain
            ));
        }
        let standing = Standing::read(connection, partition)?;
        for (table, says) in [("command", standing.commands), ("event", standing.head)] {
            let behind =
                last_number(connection, table, partition)?.map_or(0, |last| last + u64::from(table == "event"));
            if behind != says {
                report.problem(format!(
                    "the last {table} of partition {partition} is the {behind}th, and it says the {says}th"
                ));
            }
        }
        let streams = standing.streams;
        let sql = "SELECT count(*) FROM stream WHERE pk > ? AND pk <= ?";
        let values = (key(partition, 0)?, last_key(partition));
        let stored: u64 = prepare(connection, sql)?.query_row(values, |row| row.get(0)).map_err(explain)?;
        if stored != streams || versions.len() as u64 > streams {
            report.problem(format!("partition {partition} has {stored} streams, and says {streams}"));
        }
        Ok(())
    }
}

/// Checks what belongs to no partition, and SQLite's own structures. What cannot be read in one part hides no other.
fn check_rest(session: &mut Session, report: &mut CheckReport) {
    let snapshots = on_one_state(session, |session| check_snapshots(session, report));
    note(report, "the snapshots", snapshots);
    let activations = read_activations(session, 0).map(drop);
    note(report, "the activations", activations);
    let components = read_components(session).map(drop);
    note(report, "the components", components);
    let deciders = read_deciders(&session.connection).map(|deciders| report.deciders = deciders);
    note(report, "the components that decided", deciders);
    let sound = integrity_check(&session.connection, report);
    note(report, "SQLite's own check", sound);
}

fn read_deciders(connection: &Connection) -> Result<Vec<Digest>, StoreError> {
    let mut statement = prepare(connection, "SELECT digest FROM decider ORDER BY number")?;
    let digests = statement.query_map([], |row| row.get(0).map(Digest::from_bytes)).map_err(explain)?;
    digests.collect::<Result<_, _>>().map_err(explain)
}

fn integrity_check(connection: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    let mut statement = prepare(connection, "PRAGMA integrity_check(100)")?;
    let mut rows = statement.query([]).map_err(explain)?;
    while let Some(row) = rows.next().map_err(explain)? {
        let message: String = column(row, 0)?;
        if message != "ok" {
            report.problem(format!("SQLite finds: {message}"));
        }
    }
    Ok(())
}

fn check_snapshots(session: &mut Session, report: &mut CheckReport) -> Result<(), StoreError> {
    let Session { connection, names, canonical, .. } = session;
    let mut statement = prepare(connection, SNAPSHOTS)?;
    let mut rows = statement.query([]).map_err(explain)?;
    while let Some(row) = rows.next().map_err(explain)? {
        report.snapshots += 1;
        let checked = check_snapshot(row, connection, names, canonical, report);
        note(report, "a snapshot", checked);
    }
    Ok(())
}

fn check_snapshot(
    row: &Row<'_>,
    connection: &Connection,
    names: &mut Names,
    canonical: &mut Canonical,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let (Some(aggregate_type), Some(id)) = (column(row, 4)?, column(row, 5)?) else {
        report.problem("a snapshot has no stream");
        return Ok(());
    };
    let snapshot = Snapshot {
        aggregate: AggregateRef { aggregate_type, id },
        version: column(row, 0)?,
        component: names.decider(connection, column(row, 1)?)?,
        state: column(row, 2)?,
    };
    let aggregate = &snapshot.aggregate;
    if canonical.snapshot(&snapshot).checksum() != column::<u32>(row, 3)? {
        report.problem(format!(
            "a snapshot of {aggregate} is not what was written: its checksum differs (it is not used)"
        ));
    } else if snapshot.version > column::<u64>(row, 6)? {
        report.problem(format!("a snapshot of {aggregate} is ahead of its stream (it is not used)"));
    }
    Ok(())
}
