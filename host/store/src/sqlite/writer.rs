//! The connections that write, one at a time, and the only place where a transaction of the log begins and ends.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cantus_model::ports::StoreError;

use super::{
    SqliteOptions,
    checkpointer::Checkpointer,
    connection::{IfMissing, Session, run, writing},
    error::explain,
    presence::Presence,
};

/// Whether a transaction has to survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// It is on the disk when it is committed.
    Durable,
    /// A power cut may undo it; it waits for no fsync.
    Disposable,
}

/// How a transaction ends.
pub(super) enum Done<T> {
    /// It wrote something.
    Commit(T),
    /// It wrote nothing, or nothing that is to stay.
    Rollback(T),
}

/// Hands its connections to one transaction after another.
pub(super) struct Writer {
    path: PathBuf,
    options: SqliteOptions,
    presence: Presence,
    checkpointer: Checkpointer,
    idle: Mutex<Idle>,
}

/// A connection for each durability: to set one anew would cost the other its prepared statements. `None` before the first
/// transaction, and after one that did not end well: after an error SQLite may or may not have rolled back by itself, and a new
/// connection need not know.
#[derive(Default)]
struct Idle {
    durable: Option<Session>,
    disposable: Option<Session>,
}

impl Idle {
    fn slot(&mut self, durability: Durability) -> &mut Option<Session> {
        match durability {
            Durability::Durable => &mut self.durable,
            Durability::Disposable => &mut self.disposable,
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Writer {
    /// Connects when it is needed.
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> Self {
        Self {
            path: path.to_owned(),
            options: options.clone(),
            presence: Presence::new(path),
            checkpointer: Checkpointer::new(path, options),
            idle: Mutex::default(),
        }
    }

    /// The store's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in a transaction. When this returns, what it wrote is where `durability` says, in the file that is at the
    /// store's path.
    pub(super) fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Session) -> Result<Done<T>, StoreError>,
    ) -> Result<T, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.durable.is_none() && idle.disposable.is_none() {
            true => {
                self.presence.expect_new_wal();
                self.presence.check_file()?;
            }
            false => self.presence.check()?,
        }
        let mut session = match idle.slot(durability).take() {
            Some(session) => session,
            None => self.connect(durability)?,
        };
        let result = transact(&mut session, work)?;
        self.presence.check()?;
        self.checkpointer.after_commit(&session.connection);
        *idle.slot(durability) = Some(session);
        Ok(result)
    }

    fn connect(&self, durability: Durability) -> Result<Session, StoreError> {
        let connection = writing(&self.path, &self.options, IfMissing::Fail)?;
        if durability == Durability::Disposable {
            connection.execute_batch("PRAGMA synchronous = NORMAL").map_err(explain)?;
        }
        Ok(Session::new(connection))
    }
}

/// One transaction. If it fails, the connection is to be closed, which undoes it.
fn transact<T>(
    session: &mut Session,
    work: impl FnOnce(&mut Session) -> Result<Done<T>, StoreError>,
) -> Result<T, StoreError> {
    run(&session.connection, "BEGIN IMMEDIATE")?;
    let (result, end) = match work(session)? {
        Done::Commit(result) => (result, "COMMIT"),
        Done::Rollback(result) => (result, "ROLLBACK"),
    };
    run(&session.connection, end)?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// How a transaction of this kind keeps what it writes.
    fn settings(writer: &Writer, durability: Durability) -> (String, i64) {
        let read = |session: &mut Session| {
            let pragma =
                |name| session.connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
            let (journal, sync) = (pragma("journal_mode").unwrap(), pragma("synchronous").unwrap());
            let (rusqlite::types::Value::Text(journal), rusqlite::types::Value::Integer(sync)) = (journal, sync) else {
                panic!("pragmas of other types")
            };
            Ok(Done::Rollback((journal, sync)))
        };
        writer.write(durability, read).unwrap()
    }

    #[test]
    fn every_commit_waits_for_the_disk() {
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let (path, options) = (folder.path().join("cantus.db"), SqliteOptions::default());
        drop(writing(&path, &options, IfMissing::Create).unwrap());
        let writer = Writer::new(&path, &options);
        let end = |durability, end: fn() -> Result<Done<()>, StoreError>| drop(writer.write(durability, |_| end()));
        let (commit, fail): (fn() -> _, fn() -> _) = (|| Ok(Done::Commit(())), || Err(StoreError::Fenced));
        for (durability, how) in [
            (Durability::Durable, commit),
            (Durability::Disposable, commit),
            (Durability::Durable, fail),
            (Durability::Disposable, fail),
        ] {
            end(durability, how);
            assert_eq!(settings(&writer, Durability::Durable), ("wal".to_owned(), FULL), "after {durability:?}");
        }
        assert_ne!(settings(&writer, Durability::Disposable).1, FULL, "a cache need not wait");
    }
}
