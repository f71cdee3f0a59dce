//! Reads a whole store and holds everything in it against everything else: checksums, the chain, numbers without gaps, and
//! what rows say of each other. It goes on behind what is damaged.

use std::{collections::HashMap, sync::LazyLock};

use cantus_model::{AggregateRef, Digest, PartitionId, Snapshot, ports::StoreError};
use rusqlite::Connection;

use super::{
    SqliteStore,
    activations::{read_activations, read_components},
    connection::{Session, prepare, run},
    error::explain,
    history::WINDOW,
    journal::Standing,
    key::{key, last_key, split},
    ownership,
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
    pub(crate) async fn check(
        &self,
        heads: HeadsFile,
        progress: impl Fn(u64, u64) + Send + 'static,
    ) -> Result<CheckReport, StoreError> {
        let (mut session, mut report) = (self.readers.open().await?, CheckReport::new(self.info.clone()));
        blocking(move || {
            report.heads = ownership::heads(&session.connection, &report.info)?;
            check_heads(&session.connection, &heads, &mut report);
            for head in report.heads.clone() {
                check_partition(&mut session, head, &mut report, &progress)?;
            }
            check_rest(&mut session, &mut report)?;
            Ok(report)
        })
        .await
    }
}

/// Holds the store against what its host noted beside it.
fn check_heads(connection: &Connection, file: &HeadsFile, report: &mut CheckReport) {
    match file.read() {
        Ok(Some(recorded)) => {
            if let Err(error) = ownership::compare(connection, &report.info, &recorded) {
                report.problem(error.to_string());
            }
        }
        Ok(None) => {}
        Err(error) => report.problem(format!("{}: {error}", file.path().display())),
    }
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
        run(&session.connection, "BEGIN")?;
        walk.window(session, from, to, head.events)?;
        run(&session.connection, "COMMIT")?;
        progress(to, head.commands);
        from = to;
    }
    walk.finish(&session.connection, &head)
}

impl Walk<'_> {
    /// Checks the commands beyond number `from` up to `to`, and their events.
    fn window(&mut self, session: &mut Session, from: u64, to: u64, events: u64) -> Result<(), StoreError> {
        let Session { connection, names, canonical, .. } = session;
        let mut of_events = prepare(connection, &EVENTS)?;
        let last_event = key(self.partition, events)?;
        let mut events = of_events.query((key(self.partition, self.offset)?, last_event)).map_err(explain)?;
        let mut commands = prepare(connection, &COMMANDS)?;
        let mut rows = commands.query((key(self.partition, from)?, key(self.partition, to)?)).map_err(explain)?;
        while let Some(row) = rows.next().map_err(explain)? {
            let stored = match StoredCommand::read(row, connection, names, canonical) {
                Ok(stored) => stored,
                Err(error) => {
                    self.report.problem(format!("command {} of partition {}: {error}", self.command, self.partition));
                    self.command += 1;
                    continue;
                }
            };
            let count = self.command(&stored, canonical);
            for version in stored.record.base_version + 1..=stored.record.base_version + count {
                match events.next().map_err(explain)? {
                    Some(row) => {
                        let event = StoredEvent::read(row, connection, names)?;
                        self.event(&event, &stored, version, canonical);
                    }
                    None => self.report.problem(format!("version {version} of {} is missing", stored.record.aggregate)),
                }
            }
            self.end_commit(&stored);
        }
        Ok(())
    }

    /// Checks a command, and says how many events belong to it.
    fn command(&mut self, stored: &StoredCommand, canonical: &Canonical) -> u64 {
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
        count
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
        let streams = Standing::read(connection, partition)?.streams;
        let sql = "SELECT count(*) FROM stream WHERE pk > ? AND pk <= ?";
        let values = (key(partition, 0)?, last_key(partition));
        let stored: u64 = prepare(connection, sql)?.query_row(values, |row| row.get(0)).map_err(explain)?;
        if stored != streams || versions.len() as u64 > streams {
            report.problem(format!("partition {partition} has {stored} streams, and says {streams}"));
        }
        Ok(())
    }
}

/// Checks what belongs to no partition, and SQLite's own structures.
fn check_rest(session: &mut Session, report: &mut CheckReport) -> Result<(), StoreError> {
    check_snapshots(session, report)?;
    if let Err(error) = read_activations(session, 0) {
        report.problem(error.to_string());
    }
    if let Err(error) = read_components(session) {
        report.problem(error.to_string());
    }
    let digests = prepare(&session.connection, "SELECT digest FROM decider ORDER BY number")?
        .query_map([], |row| row.get(0).map(Digest::from_bytes))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>);
    report.deciders = digests.map_err(explain)?;
    let sound = prepare(&session.connection, "PRAGMA integrity_check(100)")?
        .query_map([], |row| row.get::<_, String>(0))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for message in sound.map_err(explain)?.into_iter().filter(|message| message != "ok") {
        report.problem(format!("SQLite finds: {message}"));
    }
    Ok(())
}

fn check_snapshots(session: &mut Session, report: &mut CheckReport) -> Result<(), StoreError> {
    let Session { connection, names, canonical, .. } = session;
    let mut statement = prepare(connection, SNAPSHOTS)?;
    let mut rows = statement.query([]).map_err(explain)?;
    while let Some(row) = rows.next().map_err(explain)? {
        report.snapshots += 1;
        let stream: (Option<String>, Option<String>) = (column(row, 4)?, column(row, 5)?);
        let (Some(aggregate_type), Some(id)) = stream else {
            report.problem("a snapshot has no stream");
            continue;
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
    }
    Ok(())
}
