//! Who writes to the store, and whether it is still the store that was written last.

use std::path::Path;

use cantus_model::{
    Digest, LogInfo, PartitionId,
    ports::{Claim, StoreError},
};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Writing,
    connection::{Session, prepare, resolve},
    error::explain,
    journal::Standing,
    key::{key, last_key, split},
    writer::{Done, Durability},
};
use crate::heads::{Head, HeadsFile, Recorded};

const CLAIM: &str = "UPDATE partition SET writer_epoch = writer_epoch + 1 WHERE id = ?";

/// What a person does about a store that went back.
const ADVICE: &str =
    "look with `cantus store check`; to go on with it as it is, without what is missing, run `cantus store accept`";

impl Writing {
    /// Takes a partition for writing, unless the store went back in time.
    pub(super) fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError> {
        let claim = |session: &mut Session| {
            self.compare(&session.connection)?;
            prepare(&session.connection, CLAIM)?.execute([partition.0]).map_err(explain)?;
            let standing = Standing::read(&session.connection, partition)?;
            check_end(&session.connection, partition, &standing)?;
            // Whether this commits or not, the heads stay what they are.
            self.begin_heads(&heads(&session.connection, &self.info)?)?;
            Ok(Done::Commit(Claim { partition, epoch: standing.epoch }))
        };
        let claimed = self.writer.write(Durability::Durable, claim);
        claimed.map_err(|error| explain_lock(self.writer.path(), error))
    }

    /// Takes the store as it is for the one that was written last, and says how far its partitions have come. A host that
    /// writes to it is fenced.
    pub(super) fn accept(&self) -> Result<Vec<Head>, StoreError> {
        let accept = |session: &mut Session| {
            for partition in self.info.partition_ids() {
                prepare(&session.connection, CLAIM)?.execute([partition.0]).map_err(explain)?;
            }
            let heads = heads(&session.connection, &self.info)?;
            self.begin_heads(&heads)?;
            Ok(Done::Commit(heads))
        };
        self.writer.write(Durability::Durable, accept)
    }

    /// Refuses a store that went back in time.
    pub(super) fn compare(&self, connection: &Connection) -> Result<(), StoreError> {
        match recorded(&self.heads)? {
            Some(recorded) => compare(connection, &self.info, &recorded),
            None => Ok(()),
        }
    }

    fn begin_heads(&self, heads: &[Head]) -> Result<(), StoreError> {
        let path = self.heads.path().display();
        let begun = self.heads.begin(&self.info.log_id, heads);
        begun.map_err(|error| StoreError::Unwritable(format!("{path}: {error}")))
    }
}

/// What the heads file says. One that cannot be read is no reason to trust the store.
pub(super) fn recorded(heads: &HeadsFile) -> Result<Option<Recorded>, StoreError> {
    let path = heads.path().display();
    heads
        .read()
        .map_err(|error| StoreError::WentBack(format!("nobody knows: {path} cannot be read ({error}); {ADVICE}")))
}

/// How far all partitions have come.
pub(super) fn heads(connection: &Connection, info: &LogInfo) -> Result<Vec<Head>, StoreError> {
    let head = |partition| {
        let Standing { commands, head: events, chain, .. } = Standing::read(connection, partition)?;
        Ok(Head { partition, commands, events, chain })
    };
    info.partition_ids().map(head).collect()
}

/// Refuses a store that lacks a commit which was durable.
pub(super) fn compare(connection: &Connection, info: &LogInfo, recorded: &Recorded) -> Result<(), StoreError> {
    if recorded.log_id != info.log_id {
        let (theirs, ours) = (&recorded.log_id, &info.log_id);
        let what = format!("the log {theirs} was written here last, and this is the log {ours}: {ADVICE}");
        return Err(StoreError::WentBack(what));
    }
    for partition in info.partition_ids() {
        let head = recorded.heads.iter().find(|head| head.partition == partition);
        let Some(head) = head else {
            let what =
                format!("nobody knows: the heads file does not say how far partition {partition} had come; {ADVICE}");
            return Err(StoreError::WentBack(what));
        };
        let Head { commands, events, .. } = *head;
        let standing = Standing::read(connection, partition)?;
        if standing.commands < commands {
            let missing = commands - standing.commands;
            return Err(StoreError::WentBack(format!(
                "partition {partition} ends at its {}th command, and {commands} were durable: {missing} are missing; {ADVICE}",
                standing.commands
            )));
        }
        let other_events = standing.commands == commands && standing.head != events;
        if other_events || commands > 0 && chain_at(connection, partition, commands)? != Some(head.chain) {
            return Err(StoreError::WentBack(format!(
                "the {commands}th command of partition {partition} does not end the commit that was durable there; {ADVICE}"
            )));
        }
    }
    Ok(())
}

/// Whether the partition's row agrees with its last command, event and stream: the next ones go behind them.
fn check_end(connection: &Connection, partition: PartitionId, standing: &Standing) -> Result<(), StoreError> {
    let ends = [
        ("command", Some(standing.commands).filter(|count| *count > 0)),
        ("stream", Some(standing.streams).filter(|count| *count > 0)),
        ("event", standing.head.checked_sub(1)),
    ];
    for (table, expected) in ends {
        let last = last_number(connection, table, partition)?;
        if last != expected {
            return Err(StoreError::Corrupt(format!(
                "partition {partition} says that its last {table} has the number {expected:?}, and it has {last:?}: \
                 `cantus store check` lists all damage"
            )));
        }
    }
    match standing.commands == 0 || chain_at(connection, partition, standing.commands)? == Some(standing.chain) {
        true => Ok(()),
        false => Err(StoreError::Corrupt(format!(
            "the last command of partition {partition} does not end its last commit: `cantus store check` lists all damage"
        ))),
    }
}

/// The largest number of a row of the partition.
pub(super) fn last_number(
    connection: &Connection,
    table: &str,
    partition: PartitionId,
) -> Result<Option<u64>, StoreError> {
    let sql = format!("SELECT max(pk) FROM {table} WHERE pk >= ? AND pk <= ?");
    let bounds = (key(partition, 0)?, last_key(partition));
    let last: Option<i64> = prepare(connection, &sql)?.query_row(bounds, |row| row.get(0)).map_err(explain)?;
    Ok(last.map(|pk| split(pk).1))
}

/// The hash of the commit that a command ends.
fn chain_at(connection: &Connection, partition: PartitionId, number: u64) -> Result<Option<Digest>, StoreError> {
    let chain: Option<Option<[u8; 32]>> = prepare(connection, "SELECT chain FROM command WHERE pk = ?")?
        .query_row([key(partition, number)?], |row| row.get(0))
        .optional()
        .map_err(explain)?;
    Ok(chain.flatten().map(Digest::from_bytes))
}

/// Says who holds a store that is locked: the host that claimed it last, if that still runs.
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
