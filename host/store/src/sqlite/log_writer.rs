//! Everything that writes to the log: claims, commits and activations, and the heads file beside the store.

use std::path::Path;

use cantus_model::{
    Activation, ComponentRecord, Entry, EntryResult, LogInfo, PartitionId,
    ports::{ActivationAuthor, Claim, StoreError},
};
use rusqlite::Connection;

use super::{
    SqliteOptions,
    activation_rows::{insert_activation, insert_component, last_activation, owner_of_version},
    append::append,
    connection::Session,
    heads_check::{check_heads, check_last_rows, explain_lock, read_heads_file},
    partition_row::{PartitionRow, check_claim, raise_epoch, read_heads},
    transaction_runner::{Durability, TransactionEnd, TransactionRunner},
};
use crate::{
    heads::{Head, HeadsFile},
    port_errors::version_in_use,
};

/// Writes to the log.
#[derive(Debug)]
pub(super) struct LogWriter {
    info: LogInfo,
    transactions: TransactionRunner,
    heads: HeadsFile,
}

impl LogWriter {
    /// Creates a writer for the store at `path`, which has no links.
    pub(super) fn new(path: &Path, options: &SqliteOptions, info: LogInfo) -> Self {
        Self { info, transactions: TransactionRunner::new(path, options), heads: HeadsFile::of(path) }
    }

    /// Runs a transaction of the caller.
    pub(super) fn run<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Session) -> Result<TransactionEnd<T>, StoreError>,
    ) -> Result<T, StoreError> {
        self.transactions.run(durability, work)
    }

    /// Claims a partition for writing, unless the store went back in time.
    pub(super) fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError> {
        let claim = |session: &mut Session| {
            let connection = &session.connection;
            self.check_heads(connection)?;
            raise_epoch(connection, partition)?;
            let row = PartitionRow::read(connection, partition)?;
            check_last_rows(connection, partition, &row)?;
            // The claim does not change the heads, so the file is right whether or not this transaction commits.
            self.begin_heads(&read_heads(connection, &self.info)?)?;
            Ok(TransactionEnd::Commit(Claim { partition, epoch: row.epoch }))
        };
        let claimed = self.run(Durability::Durable, claim);
        claimed.map_err(|error| explain_lock(self.transactions.path(), error))
    }

    pub(super) fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        let commit = |session: &mut Session| {
            check_claim(&session.connection, claim)?;
            session.streams.clear_other_claims(claim);
            let outcome = append(session, claim.partition, entries)?;
            Ok(match outcome.1.is_some() {
                true => TransactionEnd::Commit(outcome),
                false => TransactionEnd::Rollback(outcome),
            })
        };
        let (results, head) = self.run(Durability::Durable, commit)?;
        if let Some(head) = head {
            self.heads.advance(&head);
        }
        Ok(results)
    }

    /// Accepts the store as the one that was written last, and returns its heads. A host that writes to it is fenced.
    pub(super) fn accept(&self) -> Result<Vec<Head>, StoreError> {
        let accept = |session: &mut Session| {
            for partition in self.info.partition_ids() {
                raise_epoch(&session.connection, partition)?;
            }
            let heads = read_heads(&session.connection, &self.info)?;
            self.begin_heads(&heads)?;
            Ok(TransactionEnd::Commit(heads))
        };
        self.run(Durability::Durable, accept)
    }

    /// Appends an activation. The transaction has the write lock before it reads, so that of two processes one waits and then
    /// finds the activation of the other.
    pub(super) fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        self.run(Durability::Durable, |session| {
            let Session { connection, canonical, .. } = session;
            match author {
                ActivationAuthor::Host(claim) => check_claim(connection, claim)?,
                ActivationAuthor::Operator => self.check_heads(connection)?,
            }
            if activation.seq.checked_sub(1) != Some(last_activation(connection)?) {
                return Ok(TransactionEnd::Rollback(false));
            }
            if let Some(component) = component {
                let owner = owner_of_version(connection, component)?;
                if let Some(owner) = owner.filter(|owner| *owner != component.digest) {
                    return Err(version_in_use(component, owner));
                }
                insert_component(connection, canonical, component)?;
            }
            insert_activation(connection, canonical, activation)?;
            Ok(TransactionEnd::Commit(true))
        })
    }

    /// Refuses a store that went back in time.
    pub(super) fn check_heads(&self, connection: &Connection) -> Result<(), StoreError> {
        match read_heads_file(&self.heads)? {
            Some(recorded) => check_heads(connection, &self.info, &recorded),
            None => Ok(()),
        }
    }

    fn begin_heads(&self, heads: &[Head]) -> Result<(), StoreError> {
        let path = self.heads.path().display();
        let begun = self.heads.begin(&self.info.log_id, heads);
        begun.map_err(|error| StoreError::Unwritable(format!("{path} cannot be written: {error}")))
    }
}
