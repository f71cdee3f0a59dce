//! Who writes to the store, and whether it is still the store that was written last.

use std::path::Path;

use cantus_model::{
    Digest, LogInfo, PartitionId,
    ports::{Claim, StoreError},
};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Writing,
    connection::{Session, prepare},
    error::explain,
    journal::Standing,
    key::key,
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
            if let Some(recorded) = self.recorded()? {
                compare(&session.connection, &self.info, &recorded)?;
            }
            prepare(&session.connection, CLAIM)?.execute([partition.0]).map_err(explain)?;
            let standing = Standing::read(&session.connection, partition)?;
            check_end(&session.connection, partition, &standing)?;
            Ok(Done::Commit((Claim { partition, epoch: standing.epoch }, heads(&session.connection, &self.info)?)))
        };
        let claimed = self.writer.write(Durability::Durable, claim);
        let (claim, heads) = claimed.map_err(|error| explain_lock(self.writer.path(), error))?;
        self.begin_heads(&heads)?;
        Ok(claim)
    }

    /// Takes the store as it is for the one that was written last, and says how far its partitions have come.
    pub(super) fn accept(&self) -> Result<Vec<Head>, StoreError> {
        let heads = |session: &mut Session| Ok(Done::Rollback(heads(&session.connection, &self.info)?));
        let heads = self.writer.write(Durability::Durable, heads)?;
        self.begin_heads(&heads)?;
        Ok(heads)
    }

    fn recorded(&self) -> Result<Option<Recorded>, StoreError> {
        let path = self.heads.path().display();
        self.heads.read().map_err(|error| StoreError::Unwritable(format!("{path}: {error}")))
    }

    fn begin_heads(&self, heads: &[Head]) -> Result<(), StoreError> {
        let path = self.heads.path().display();
        let begun = self.heads.begin(&self.info.log_id, heads);
        begun.map_err(|error| StoreError::Unwritable(format!("{path}: {error}")))
    }
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
    for head in &recorded.heads {
        let Head { partition, commands, .. } = *head;
        let standing = Standing::read(connection, partition)?;
        if standing.commands < commands {
            let missing = commands - standing.commands;
            return Err(StoreError::WentBack(format!(
                "partition {partition} ends at its {}th command, and {commands} were durable: {missing} are missing; {ADVICE}",
                standing.commands
            )));
        }
        if commands > 0 && chain_at(connection, partition, commands)? != Some(head.chain) {
            return Err(StoreError::WentBack(format!(
                "the {commands}th command of partition {partition} does not end the commit that was durable there; {ADVICE}"
            )));
        }
    }
    Ok(())
}

/// Whether the partition's row agrees with its last command.
fn check_end(connection: &Connection, partition: PartitionId, standing: &Standing) -> Result<(), StoreError> {
    match standing.commands == 0 || chain_at(connection, partition, standing.commands)? == Some(standing.chain) {
        true => Ok(()),
        false => Err(StoreError::Corrupt(format!(
            "the last command of partition {partition} is not the {}th: `cantus store check` lists all damage",
            standing.commands
        ))),
    }
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
            let process = HeadsFile::of(path).read().ok().flatten().map(|recorded| recorded.process);
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
