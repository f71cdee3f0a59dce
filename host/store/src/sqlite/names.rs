//! Kinds of messages and digests of components, which rows hold as numbers. What has a number keeps it, so every connection
//! remembers what it has seen.

use std::collections::HashMap;

use cantus_model::{Digest, MessageKind, ports::StoreError};
use rusqlite::Connection;

use super::error::explain;

const KINDS: &str = "SELECT number, name, schema_version FROM kind WHERE number > ? ORDER BY number";
const DECIDERS: &str = "SELECT number, digest FROM decider WHERE number > ? ORDER BY number";
const ADD_KIND: &str = "INSERT INTO kind (number, name, schema_version) VALUES (?, ?, ?)";
const ADD_DECIDER: &str = "INSERT INTO decider (number, digest) VALUES (?, ?)";

/// What the numbers stand for.
#[derive(Default)]
pub(super) struct Names {
    /// The name of number `n` is at index `n - 1`.
    kinds: Vec<MessageKind>,
    deciders: Vec<Digest>,
    /// Numbers by name, then by schema version.
    kind_numbers: HashMap<String, HashMap<u32, i64>>,
    decider_numbers: HashMap<Digest, i64>,
}

impl Names {
    /// The kind with this number.
    pub(super) fn kind(&mut self, connection: &Connection, number: i64) -> Result<&MessageKind, StoreError> {
        if index(number) >= self.kinds.len() {
            self.read_kinds(connection)?;
        }
        self.kinds.get(index(number)).ok_or_else(|| StoreError::Corrupt(format!("there is no kind {number}")))
    }

    /// The component with this number.
    pub(super) fn decider(&mut self, connection: &Connection, number: i64) -> Result<Digest, StoreError> {
        if index(number) >= self.deciders.len() {
            self.read_deciders(connection)?;
        }
        let digest = self.deciders.get(index(number)).copied();
        digest.ok_or_else(|| StoreError::Corrupt(format!("there is no component {number}")))
    }

    /// The number of a component, if it has one.
    pub(super) fn find_decider(&mut self, connection: &Connection, digest: Digest) -> Result<Option<i64>, StoreError> {
        if !self.decider_numbers.contains_key(&digest) {
            self.read_deciders(connection)?;
        }
        Ok(self.decider_numbers.get(&digest).copied())
    }

    /// The number of a kind; it gets one if it has none. Within a transaction that writes.
    pub(super) fn number_kind(
        &mut self,
        connection: &Connection,
        name: &str,
        schema_version: u32,
    ) -> Result<i64, StoreError> {
        if let Some(number) = self.known_kind(name, schema_version) {
            return Ok(number);
        }
        self.read_kinds(connection)?;
        if let Some(number) = self.known_kind(name, schema_version) {
            return Ok(number);
        }
        let number = self.kinds.len() as i64 + 1;
        connection.execute(ADD_KIND, (number, name, schema_version)).map_err(explain)?;
        self.add_kind(number, MessageKind { name: name.to_owned(), version: schema_version })?;
        Ok(number)
    }

    /// The number of a component; it gets one if it has none. Within a transaction that writes.
    pub(super) fn number_decider(&mut self, connection: &Connection, digest: Digest) -> Result<i64, StoreError> {
        if let Some(number) = self.find_decider(connection, digest)? {
            return Ok(number);
        }
        let number = self.deciders.len() as i64 + 1;
        connection.execute(ADD_DECIDER, (number, digest.as_bytes().as_slice())).map_err(explain)?;
        self.add_decider(number, digest)?;
        Ok(number)
    }

    fn known_kind(&self, name: &str, schema_version: u32) -> Option<i64> {
        self.kind_numbers.get(name)?.get(&schema_version).copied()
    }

    fn read_kinds(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(KINDS).map_err(explain)?;
        let mut rows = statement.query([self.kinds.len()]).map_err(explain)?;
        while let Some(row) = rows.next().map_err(explain)? {
            let kind = MessageKind { name: row.get(1).map_err(explain)?, version: row.get(2).map_err(explain)? };
            self.add_kind(row.get(0).map_err(explain)?, kind)?;
        }
        Ok(())
    }

    fn read_deciders(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(DECIDERS).map_err(explain)?;
        let mut rows = statement.query([self.deciders.len()]).map_err(explain)?;
        while let Some(row) = rows.next().map_err(explain)? {
            let digest = Digest::from_bytes(row.get(1).map_err(explain)?);
            self.add_decider(row.get(0).map_err(explain)?, digest)?;
        }
        Ok(())
    }

    fn add_kind(&mut self, number: i64, kind: MessageKind) -> Result<(), StoreError> {
        check_next(number, self.kinds.len(), "kind")?;
        self.kind_numbers.entry(kind.name.clone()).or_default().insert(kind.version, number);
        self.kinds.push(kind);
        Ok(())
    }

    fn add_decider(&mut self, number: i64, digest: Digest) -> Result<(), StoreError> {
        check_next(number, self.deciders.len(), "component")?;
        self.decider_numbers.insert(digest, number);
        self.deciders.push(digest);
        Ok(())
    }
}

/// Numbers count from 1; what is below stands for nothing.
fn index(number: i64) -> usize {
    usize::try_from(number - 1).unwrap_or(usize::MAX)
}

fn check_next(number: i64, known: usize, what: &str) -> Result<(), StoreError> {
    match number == known as i64 + 1 {
        true => Ok(()),
        false => Err(StoreError::Corrupt(format!("{what} {} is missing, the next is {number}", known + 1))),
    }
}
