//! Reads a whole store and compares everything in it with everything else: checksums, the chain, numbers without gaps, and what rows
//! state about each other. It continues after damage.

mod partition_check;

use cantus_model::{AggregateRef, Digest, Snapshot, ports::StoreError};
use partition_check::check_partition;
use rusqlite::{Connection, Row};

use super::{
    SqliteStore,
    activation_rows::{read_activations, read_components},
    component_bytes::{check_component, read_digests},
    connection::{Session, read_one_state},
    dictionary::NameDictionary,
    heads_check,
    partition_row::read_heads,
    query::{column, for_each_row, query_all},
    reader_pool::run_blocking,
};
use crate::{check_report::CheckReport, heads::HeadsFile, integrity::CanonicalBytes};

const SNAPSHOTS: &str = "SELECT n.version, n.decider, n.state, n.checksum, s.aggregate_type, s.aggregate_id, \
     coalesce((SELECT max(version) FROM event WHERE stream = n.pk / 2), 0) \
     FROM snapshot AS n LEFT JOIN stream AS s ON s.pk = n.pk / 2";

impl SqliteStore {
    /// Checks the whole store and writes nothing. `progress` is called with the number of commands of a partition that are checked
    /// and the number of all of them.
    ///
    /// # Errors
    /// If it cannot be read at all. The report has everything else that is wrong.
    pub(crate) async fn check(&self, progress: impl Fn(u64, u64) + Send + 'static) -> Result<CheckReport, StoreError> {
        let (mut session, mut report) = (self.readers.open().await?, CheckReport::new(self.info.clone()));
        let heads_file = HeadsFile::of(self.readers.path());
        let check = move || {
            match read_heads(&session.connection, &report.info) {
                Ok(heads) => report.heads = heads,
                Err(error) => report.problem(error.to_string()),
            }
            check_heads_file(&session.connection, &heads_file, &mut report);
            for head in report.heads.clone() {
                let checked = check_partition(&mut session, head, &mut report, &progress);
                report.add_error(format_args!("partition {}", head.partition), checked);
            }
            check_other_tables(&mut session, &mut report);
            Ok(report)
        };
        run_blocking(check).await
    }
}

/// Compares the store with the heads file.
fn check_heads_file(connection: &Connection, file: &HeadsFile, report: &mut CheckReport) {
    let checked = heads_check::read_heads_file(file).and_then(|recorded| match recorded {
        Some(recorded) => heads_check::check_heads(connection, &report.info, &recorded),
        None => Ok(()),
    });
    if let Err(error) = checked {
        report.problem(error.to_string());
    }
}

/// Checks the tables that belong to no partition, and SQLite's own structures. A table that cannot be read hides no other one.
fn check_other_tables(session: &mut Session, report: &mut CheckReport) {
    let snapshots = read_one_state(session, |session| check_snapshots(session, report));
    report.add_error("the snapshots", snapshots);
    let activations = read_activations(session, 0).map(drop);
    report.add_error("the activations", activations);
    let components = read_components(session).map(drop);
    report.add_error("the components", components);
    let component_bytes = check_component_bytes(&session.connection, report);
    report.add_error("the bytes of components", component_bytes);
    let deciders = read_deciders(&session.connection).map(|deciders| report.deciders = deciders);
    report.add_error("the components that decided", deciders);
    let integrity = check_sqlite_integrity(&session.connection, report);
    report.add_error("SQLite's own check", integrity);
}

fn check_component_bytes(connection: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    for digest in read_digests(connection)? {
        if let Err(error) = check_component(connection, digest) {
            report.problem(error.to_string());
        }
    }
    Ok(())
}

fn read_deciders(connection: &Connection) -> Result<Vec<Digest>, StoreError> {
    query_all(connection, "SELECT digest FROM decider ORDER BY number", [], |row| {
        column(row, 0).map(Digest::from_bytes)
    })
}

fn check_sqlite_integrity(connection: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    for_each_row(connection, "PRAGMA integrity_check(100)", [], |row| {
        let message: String = column(row, 0)?;
        if message != "ok" {
            report.problem(format!("SQLite finds: {message}"));
        }
        Ok(())
    })
}

fn check_snapshots(session: &mut Session, report: &mut CheckReport) -> Result<(), StoreError> {
    let Session { connection, dictionary, canonical, .. } = session;
    for_each_row(connection, SNAPSHOTS, [], |row| {
        report.snapshots += 1;
        let checked = check_snapshot(row, connection, dictionary, canonical, report);
        report.add_error("a snapshot", checked);
        Ok(())
    })
}

fn check_snapshot(
    row: &Row<'_>,
    connection: &Connection,
    dictionary: &mut NameDictionary,
    canonical: &mut CanonicalBytes,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let (Some(aggregate_type), Some(id)) = (column(row, 4)?, column(row, 5)?) else {
        report.problem("a snapshot has no stream");
        return Ok(());
    };
    let snapshot = Snapshot {
        aggregate: AggregateRef { aggregate_type, id },
        version: column(row, 0)?,
        component: dictionary.get_decider(connection, column(row, 1)?)?,
        state: column(row, 2)?,
    };
    let aggregate = &snapshot.aggregate;
    if canonical.set_snapshot(&snapshot).checksum() != column::<u32>(row, 3)? {
        report.problem(format!(
            "a snapshot of {aggregate} is not what was written: its checksum differs (it is not used)"
        ));
    } else if snapshot.version > column::<u64>(row, 6)? {
        report.problem(format!("a snapshot of {aggregate} is ahead of its stream (it is not used)"));
    }
    Ok(())
}
