//! Checks the commands, events and chain of one partition.

use std::{collections::HashMap, ops::RangeInclusive, sync::LazyLock};

use cantus_model::{Digest, PartitionId, ports::StoreError};
use rusqlite::{CachedStatement, Connection};

use crate::{
    check_report::CheckReport,
    heads::Head,
    integrity::{CanonicalBytes, ChainHasher, initial_chain_hash},
    sqlite::{
        command_row::{CommandColumn, SELECT_COMMAND, StoredCommand},
        command_windows::command_windows,
        connection::{Session, read_one_state},
        dictionary::NameDictionary,
        error::explain,
        event_row::{EventColumn, SELECT_EVENT, StoredEvent},
        heads_check::read_last_number,
        key::{key, last_key, split},
        partition_row::PartitionRow,
        query::{next_row, prepare, query_row},
    },
};

static COMMANDS: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE c.pk > ? AND c.pk <= ? ORDER BY c.pk", *SELECT_COMMAND));

static EVENTS: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE e.pk >= ? AND e.pk <= ? ORDER BY e.pk", *SELECT_EVENT));

/// A check of a partition under way.
struct PartitionCheck<'r> {
    partition: PartitionId,
    report: &'r mut CheckReport,
    /// The version of each stream, by its key.
    versions: HashMap<i64, u64>,
    chain: ChainHasher,
    /// The hash of the last commit.
    previous: Digest,
    /// The number of the next command and the offset of the next event.
    command: u64,
    offset: u64,
    /// Number of commands since the end of the last commit.
    uncommitted: u64,
}

/// Checks the commands, events and chain of a partition.
pub(super) fn check_partition(
    session: &mut Session,
    head: Head,
    report: &mut CheckReport,
    progress: &impl Fn(u64, u64),
) -> Result<(), StoreError> {
    let previous = initial_chain_hash(&report.info.log_id, head.partition);
    let mut check = PartitionCheck {
        partition: head.partition,
        report,
        versions: HashMap::new(),
        chain: ChainHasher::after(&previous),
        previous,
        command: 1,
        offset: 0,
        uncommitted: 0,
    };
    for (after, last) in command_windows(head.commands) {
        read_one_state(session, |session| check.check_window(session, after, last))?;
        progress(last, head.commands);
    }
    read_one_state(session, |session| check.finish(&session.connection, &head))
}

impl PartitionCheck<'_> {
    /// Checks the commands after number `after` up to `last`, and their events.
    fn check_window(&mut self, session: &mut Session, after: u64, last: u64) -> Result<(), StoreError> {
        let Session { connection, dictionary, canonical, .. } = session;
        let (mut commands, mut events) = (prepare(connection, &COMMANDS)?, prepare(connection, &EVENTS)?);
        let mut rows = commands.query((key(self.partition, after)?, key(self.partition, last)?)).map_err(explain)?;
        while let Some(row) = next_row(&mut rows)? {
            let pk = CommandColumn::Pk.read(row)?;
            let stored = StoredCommand::read(row, connection, dictionary, canonical);
            let versions = match &stored {
                Ok(stored) => self.check_command(stored, canonical),
                Err(error) => {
                    let number = split(pk).1;
                    self.report.problem(format!("command {number} of partition {}: {error}", self.partition));
                    self.command = number + 1;
                    0..=0
                }
            };
            self.check_events(&mut events, connection, (dictionary, canonical), (pk, stored.as_ref().ok(), versions))?;
            if let Ok(stored) = &stored {
                self.end_commit(stored);
            }
        }
        Ok(())
    }

    /// Checks the events of the command with the key `pk`: the next events that name it or an earlier command.
    fn check_events(
        &mut self,
        statement: &mut CachedStatement<'_>,
        connection: &Connection,
        (dictionary, canonical): (&mut NameDictionary, &mut CanonicalBytes),
        (pk, command, versions): (i64, Option<&StoredCommand>, RangeInclusive<u64>),
    ) -> Result<(), StoreError> {
        let bounds = (key(self.partition, self.offset)?, last_key(self.partition));
        let mut rows = statement.query(bounds).map_err(explain)?;
        let (first, last) = versions.into_inner();
        let mut version = first;
        while let Some(row) = next_row(&mut rows)? {
            if EventColumn::Command.read::<i64>(row)? > pk {
                break;
            }
            match (StoredEvent::read(row, connection, dictionary), command) {
                (Ok(event), Some(command)) => self.check_event(&event, command, version, canonical),
                (Ok(_), None) => self.offset = split(EventColumn::Pk.read(row)?).1 + 1,
                (Err(error), _) => {
                    self.report.problem(format!("the event at offset {}: {error}", self.offset));
                    self.offset = split(EventColumn::Pk.read(row)?).1 + 1;
                }
            }
            version += 1;
        }
        if let Some(command) = command.filter(|_| version <= last) {
            self.report.problem(format!("versions {version} to {last} of {} are missing", command.record.aggregate));
        }
        Ok(())
    }

    /// Checks a command. Returns the versions of its events.
    fn check_command(&mut self, stored: &StoredCommand, canonical: &CanonicalBytes) -> RangeInclusive<u64> {
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
            let offset = self.offset;
            self.report.problem(format!("the command {id} does not name {offset} as the offset of its first event"));
        }
        self.chain.add(canonical);
        (self.command, self.uncommitted) = (number + 1, self.uncommitted + 1);
        record.base_version + 1..=record.version()
    }

    fn check_event(
        &mut self,
        event: &StoredEvent<'_>,
        command: &StoredCommand,
        version: u64,
        canonical: &mut CanonicalBytes,
    ) {
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

    /// Compares the chain at the end of a commit, and continues from the stored hash, so that one break is reported once.
    fn end_commit(&mut self, stored: &StoredCommand) {
        let Some(hash) = stored.chain else { return };
        let next = ChainHasher::after(&hash);
        if std::mem::replace(&mut self.chain, next).finish() != hash {
            let id = &stored.record.context.command_id;
            self.report.problem(format!("the chain does not hold at the commit that ends with the command {id}"));
        }
        (self.previous, self.uncommitted) = (hash, 0);
    }

    fn finish(self, connection: &Connection, head: &Head) -> Result<(), StoreError> {
        let Self { partition, report, previous, command, offset, uncommitted, versions, .. } = self;
        if (command - 1, offset) != (head.commands, head.events) {
            report.problem(format!(
                "partition {partition} has {} commands and {offset} events, and its row counts {} and {}",
                command - 1,
                head.commands,
                head.events
            ));
        }
        if uncommitted > 0 {
            report.problem(format!("the last {uncommitted} commands of partition {partition} belong to no commit"));
        }
        if previous != head.chain {
            report.problem(format!(
                "the row of partition {partition} names {} as the end of its chain, and that is {previous}",
                head.chain
            ));
        }
        let counts = PartitionRow::read(connection, partition)?.counts;
        for (table, recorded) in [("command", counts.commands), ("event", counts.events)] {
            let last = read_last_number(connection, table, partition)?;
            let stored = last.map_or(0, |last| last + u64::from(table == "event"));
            if stored != recorded {
                report.problem(format!(
                    "the last {table} of partition {partition} is the {stored}th, and its row names the {recorded}th"
                ));
            }
        }
        let sql = "SELECT count(*) FROM stream WHERE pk > ? AND pk <= ?";
        let values = (key(partition, 0)?, last_key(partition));
        let stored: u64 = query_row(connection, sql, values, |row| row.get(0))?;
        if stored != counts.streams || versions.len() as u64 > counts.streams {
            report
                .problem(format!("partition {partition} has {stored} streams, and its row counts {}", counts.streams));
        }
        Ok(())
    }
}
