//! Numbers that rows hold instead of kinds of messages and digests of components. A number never changes, so each connection
//! caches the ones that it has read.

use std::collections::HashMap;

use cantus_model::{Digest, MessageKind, ports::StoreError};
use rusqlite::Connection;

use super::query::{column, execute, for_each_row};

const KINDS: &str = "SELECT number, name, schema_version FROM kind WHERE number > ? ORDER BY number";
const DECIDERS: &str = "SELECT number, digest FROM decider WHERE number > ? ORDER BY number";
const ADD_KIND: &str = "INSERT INTO kind (number, name, schema_version) VALUES (?, ?, ?)";
const ADD_DECIDER: &str = "INSERT INTO decider (number, digest) VALUES (?, ?)";

/// The kinds and digests by number, and the numbers by kind and digest.
#[derive(Default)]
pub(super) struct NameDictionary {
    /// The kind with number `n` is at index `n - 1`.
    kinds: Vec<MessageKind>,
    deciders: Vec<Digest>,
    /// Numbers by name, then by schema version.
    kind_numbers: HashMap<String, HashMap<u32, i64>>,
    decider_numbers: HashMap<Digest, i64>,
}

impl NameDictionary {
    /// Returns the kind with this number.
    pub(super) fn get_kind(&mut self, connection: &Connection, number: i64) -> Result<&MessageKind, StoreError> {
        if to_index(number) >= self.kinds.len() {
            self.read_kinds(connection)?;
        }
        self.kinds
            .get(to_index(number))
            .ok_or_else(|| StoreError::Corrupt(format!("no kind of message has the number {number}")))
    }

    /// Returns the digest of the component with this number.
    pub(super) fn get_decider(&mut self, connection: &Connection, number: i64) -> Result<Digest, StoreError> {
        if to_index(number) >= self.deciders.len() {
            self.read_deciders(connection)?;
        }
        let digest = self.deciders.get(to_index(number)).copied();
        digest.ok_or_else(|| StoreError::Corrupt(format!("no component has the number {number}")))
    }

    /// Returns the number of a component, if it has one.
    pub(super) fn find_decider(&mut self, connection: &Connection, digest: Digest) -> Result<Option<i64>, StoreError> {
        if !self.decider_numbers.contains_key(&digest) {
            self.read_deciders(connection)?;
        }
        Ok(self.decider_numbers.get(&digest).copied())
    }

    /// Returns the number of a kind, and assigns one if it has none. The caller is in a transaction that writes.
    pub(super) fn number_of_kind(
        &mut self,
        connection: &Connection,
        name: &str,
        schema_version: u32,
    ) -> Result<i64, StoreError> {
        if let Some(number) = self.cached_kind(name, schema_version) {
            return Ok(number);
        }
        self.read_kinds(connection)?;
        if let Some(number) = self.cached_kind(name, schema_version) {
            return Ok(number);
        }
        let number = self.kinds.len() as i64 + 1;
        execute(connection, ADD_KIND, (number, name, schema_version))?;
        self.add_kind(number, MessageKind { name: name.to_owned(), version: schema_version })?;
        Ok(number)
    }

    /// Returns the number of a component, and assigns one if it has none. The caller is in a transaction that writes.
    pub(super) fn number_of_decider(&mut self, connection: &Connection, digest: Digest) -> Result<i64, StoreError> {
        if let Some(number) = self.find_decider(connection, digest)? {
            return Ok(number);
        }
        let number = self.deciders.len() as i64 + 1;
        execute(connection, ADD_DECIDER, (number, digest.as_bytes().as_slice()))?;
        self.add_decider(number, digest)?;
        Ok(number)
    }

    fn cached_kind(&self, name: &str, schema_version: u32) -> Option<i64> {
        self.kind_numbers.get(name)?.get(&schema_version).copied()
    }

    fn read_kinds(&mut self, connection: &Connection) -> Result<(), StoreError> {
        for_each_row(connection, KINDS, [self.kinds.len()], |row| {
            self.add_kind(column(row, 0)?, MessageKind { name: column(row, 1)?, version: column(row, 2)? })
        })
    }

    fn read_deciders(&mut self, connection: &Connection) -> Result<(), StoreError> {
        for_each_row(connection, DECIDERS, [self.deciders.len()], |row| {
            self.add_decider(column(row, 0)?, Digest::from_bytes(column(row, 1)?))
        })
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

/// Returns the index of a number. Numbers begin at 1; those below stand for nothing.
fn to_index(number: i64) -> usize {
    usize::try_from(number - 1).unwrap_or(usize::MAX)
}

fn check_next(number: i64, count: usize, table: &str) -> Result<(), StoreError> {
    match number == count as i64 + 1 {
        true => Ok(()),
        false => Err(StoreError::Corrupt(format!("{table} {} is missing, the next is {number}", count + 1))),
    }
}
