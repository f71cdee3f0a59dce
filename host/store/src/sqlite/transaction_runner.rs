//! Runs the transactions that write to the store, one at a time. No other module begins or ends one.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cantus_model::ports::StoreError;

use super::{
    SqliteOptions,
    checkpointer::Checkpointer,
    connection::{IfMissing, Session, open_writer},
    error::explain,
    file_monitor::FileMonitor,
    query::run,
};

/// The durability of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// It is on disk when the commit returns.
    Durable,
    /// A power cut may undo it: the commit waits for no fsync.
    Disposable,
}

/// The end of a transaction, with its result.
pub(super) enum TransactionEnd<T> {
    /// It wrote something.
    Commit(T),
    /// It wrote nothing, or nothing that must stay.
    Rollback(T),
}

/// Runs one write transaction at a time.
pub(super) struct TransactionRunner {
    path: PathBuf,
    options: SqliteOptions,
    files: FileMonitor,
    checkpointer: Checkpointer,
    idle: Mutex<IdleSessions>,
}

/// A connection for each durability, because a change of the setting would discard the prepared statements. `None` before the first
/// transaction, and after one that failed: SQLite may or may not have rolled back by itself, and a new connection need not know.
#[derive(Default)]
struct IdleSessions {
    durable: Option<Session>,
    disposable: Option<Session>,
}

impl IdleSessions {
    fn slot(&mut self, durability: Durability) -> &mut Option<Session> {
        match durability {
            Durability::Durable => &mut self.durable,
            Durability::Disposable => &mut self.disposable,
        }
    }
}

impl fmt::Debug for TransactionRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionRunner").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TransactionRunner {
    /// Creates a runner. It connects at the first transaction.
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> Self {
        Self {
            path: path.to_owned(),
            options: options.clone(),
            files: FileMonitor::new(path),
            checkpointer: Checkpointer::new(path, options),
            idle: Mutex::default(),
        }
    }

    /// Returns the store's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in a transaction. When this returns, the transaction is as durable as `durability` requires, in the file that is
    /// at the store's path.
    pub(super) fn run<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Session) -> Result<TransactionEnd<T>, StoreError>,
    ) -> Result<T, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.durable.is_none() && idle.disposable.is_none() {
            true => {
                self.files.expect_new_wal();
                self.files.check_database_file()?;
            }
            false => self.files.check()?,
        }
        let mut session = match idle.slot(durability).take() {
            Some(session) => session,
            None => self.connect(durability)?,
        };
        let result = run_transaction(&mut session, work)?;
        self.files.check()?;
        self.checkpointer.run_after_commit(&session.connection);
        *idle.slot(durability) = Some(session);
        Ok(result)
    }

    fn connect(&self, durability: Durability) -> Result<Session, StoreError> {
        let connection = open_writer(&self.path, &self.options, IfMissing::Fail)?;
        if durability == Durability::Disposable {
            connection.execute_batch("PRAGMA synchronous = NORMAL").map_err(explain)?;
        }
        Ok(Session::new(connection))
    }
}

/// Runs one transaction. If it fails, the caller closes the connection, which undoes it.
fn run_transaction<T>(
    session: &mut Session,
    work: impl FnOnce(&mut Session) -> Result<TransactionEnd<T>, StoreError>,
) -> Result<T, StoreError> {
    run(&session.connection, "BEGIN IMMEDIATE")?;
    let (result, end) = match work(session)? {
        TransactionEnd::Commit(result) => (result, "COMMIT"),
        TransactionEnd::Rollback(result) => (result, "ROLLBACK"),
    };
    run(&session.connection, end)?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// Reads the journal mode and the synchronous setting of a connection.
    fn read_settings(runner: &TransactionRunner, durability: Durability) -> (String, i64) {
        let read = |session: &mut Session| {
            let pragma =
                |name| session.connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
            let (journal, sync) = (pragma("journal_mode").unwrap(), pragma("synchronous").unwrap());
            let (rusqlite::types::Value::Text(journal), rusqlite::types::Value::Integer(sync)) = (journal, sync) else {
                panic!("the pragmas have other types")
            };
            Ok(TransactionEnd::Rollback((journal, sync)))
        };
        runner.run(durability, read).unwrap()
    }

    #[test]
    fn every_durable_commit_waits_for_the_disk() {
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let (path, options) = (folder.path().join("cantus.db"), SqliteOptions::default());
        drop(open_writer(&path, &options, IfMissing::Create).unwrap());
        let runner = TransactionRunner::new(&path, &options);
        let end =
            |durability, end: fn() -> Result<TransactionEnd<()>, StoreError>| drop(runner.run(durability, |_| end()));
        let (commit, fail): (fn() -> _, fn() -> _) = (|| Ok(TransactionEnd::Commit(())), || Err(StoreError::Fenced));
        for (durability, how) in [
            (Durability::Durable, commit),
            (Durability::Disposable, commit),
            (Durability::Durable, fail),
            (Durability::Disposable, fail),
        ] {
            end(durability, how);
            assert_eq!(read_settings(&runner, Durability::Durable), ("wal".to_owned(), FULL), "after {durability:?}");
        }
        assert_ne!(read_settings(&runner, Durability::Disposable).1, FULL, "a disposable commit does not wait");
    }
}
