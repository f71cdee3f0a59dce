//! Checks that the store is the one that was written last: against the heads file, and against its own last rows.

use std::path::Path;

use cantus_model::{Digest, LogInfo, PartitionId, ports::StoreError};
use rusqlite::Connection;

use super::{
    connection::resolve,
    key::{key, last_key, split},
    partition_row::PartitionRow,
    query::{query_optional, query_row},
};
use crate::heads::{Head, HeadsFile, RecordedHeads};

/// The advice for a person whose store went back in time.
const ADVICE: &str =
    "look with `cantus store check`; to go on with it as it is, without what is missing, run `cantus store accept`";

/// Reads the heads file. A file that cannot be read is an error: without it nothing proves that the store is current.
pub(super) fn read_heads_file(heads: &HeadsFile) -> Result<Option<RecordedHeads>, StoreError> {
    let path = heads.path().display();
    heads.read().map_err(|error| {
        StoreError::WentBack(format!(
            "nobody knows whether it did, because the heads file {path} cannot be read ({error}); {ADVICE}"
        ))
    })
}

/// Refuses a store that lacks a commit which was durable.
pub(super) fn check_heads(connection: &Connection, info: &LogInfo, recorded: &RecordedHeads) -> Result<(), StoreError> {
    if recorded.log_id != info.log_id {
        let (theirs, ours) = (&recorded.log_id, &info.log_id);
        let what = format!("the log {theirs} was written here last, and this is the log {ours}; {ADVICE}");
        return Err(StoreError::WentBack(what));
    }
    for partition in info.partition_ids() {
        let head = recorded.heads.iter().find(|head| head.partition == partition);
        let Some(head) = head else {
            let what = format!(
                "nobody knows whether it did, because the heads file has no intact line for partition {partition}; {ADVICE}"
            );
            return Err(StoreError::WentBack(what));
        };
        let Head { commands, events, .. } = *head;
        let counts = PartitionRow::read(connection, partition)?.counts;
        if counts.commands < commands {
            let missing = commands - counts.commands;
            return Err(StoreError::WentBack(format!(
                "partition {partition} ends at its {}th command, and {commands} were durable: {missing} are missing; {ADVICE}",
                counts.commands
            )));
        }
        let other_events = counts.commands == commands && counts.events != events;
        if other_events || commands > 0 && read_chain_at(connection, partition, commands)? != Some(head.chain) {
            return Err(StoreError::WentBack(format!(
                "the {commands}th command of partition {partition} does not end the commit that was durable there; {ADVICE}"
            )));
        }
    }
    Ok(())
}

/// Refuses a partition whose row disagrees with its last command, event or stream: the next rows would be numbered wrongly.
pub(super) fn check_last_rows(
    connection: &Connection,
    partition: PartitionId,
    row: &PartitionRow,
) -> Result<(), StoreError> {
    let counts = row.counts;
    let last_numbers = [
        ("command", Some(counts.commands).filter(|count| *count > 0)),
        ("stream", Some(counts.streams).filter(|count| *count > 0)),
        ("event", counts.events.checked_sub(1)),
    ];
    for (table, expected) in last_numbers {
        let last = read_last_number(connection, table, partition)?;
        if last != expected {
            return Err(StoreError::Corrupt(format!(
                "the row of partition {partition} names {} as the number of its last {table}, and that is {}: \
                 `cantus store check` lists all damage",
                number_or_none(expected),
                number_or_none(last)
            )));
        }
    }
    match counts.commands == 0 || read_chain_at(connection, partition, counts.commands)? == Some(row.chain) {
        true => Ok(()),
        false => Err(StoreError::Corrupt(format!(
            "the last command of partition {partition} does not end its last commit: `cantus store check` lists all damage"
        ))),
    }
}

fn number_or_none(number: Option<u64>) -> String {
    number.map_or_else(|| "none".into(), |number| number.to_string())
}

/// Reads the largest number of a row of the partition.
pub(super) fn read_last_number(
    connection: &Connection,
    table: &str,
    partition: PartitionId,
) -> Result<Option<u64>, StoreError> {
    let sql = format!("SELECT max(pk) FROM {table} WHERE pk >= ? AND pk <= ?");
    let bounds = (key(partition, 0)?, last_key(partition));
    let last: Option<i64> = query_row(connection, &sql, bounds, |row| row.get(0))?;
    Ok(last.map(|pk| split(pk).1))
}

/// Reads the hash of the commit that ends with a command.
fn read_chain_at(connection: &Connection, partition: PartitionId, number: u64) -> Result<Option<Digest>, StoreError> {
    let values = [key(partition, number)?];
    let chain = query_optional(connection, "SELECT chain FROM command WHERE pk = ?", values, |row| {
        row.get::<_, Option<[u8; 32]>>(0)
    });
    Ok(chain?.flatten().map(Digest::from_bytes))
}

/// Adds to the error of a locked store the host that claimed it last, if that is still running.
pub(super) fn explain_lock(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Transient(text) => {
            let process = HeadsFile::of(&resolve(path)).read().ok().flatten().map(|recorded| recorded.process);
            let holder = process.filter(|process| *process != std::process::id() && is_running(*process));
            let holder = holder.map(|process| {
                format!(
                    "; the host with process id {process} claimed it last and is still running: if it hangs, end it"
                )
            });
            StoreError::Transient(format!("{text}{}", holder.unwrap_or_default()))
        }
        error => error,
    }
}

fn is_running(process: u32) -> bool {
    let Some(process) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    rustix::process::test_kill_process(process).is_ok()
}
