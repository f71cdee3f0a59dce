//! The bytes of components, in chunks. Chunk 0 is written last, so that a component which has it is whole.

use cantus_model::{
    Digest,
    ports::{ComponentStore, Refused, StoreError},
};
use rusqlite::Connection;

use super::{
    SqliteStore,
    connection::Session,
    error::explain,
    query::{column, execute, for_each_row, query_all},
    schema::has_table,
    transaction_runner::{Durability, TransactionEnd},
};

/// Bytes of a chunk. A chunk is written in about 15 ms; a component of 40 MB in one transaction would stop all commits for 260 ms.
const CHUNK_BYTES: usize = 1 << 20;

const INSERT: &str = "INSERT OR REPLACE INTO component_bytes (digest, chunk, bytes) VALUES (?, ?, ?)";

const DELETE_BEYOND: &str = "DELETE FROM component_bytes WHERE digest = ? AND chunk > ?";

const CHUNKS: &str = "SELECT chunk, bytes FROM component_bytes WHERE digest = ? ORDER BY chunk";

const DIGESTS: &str = "SELECT digest FROM component_bytes WHERE chunk = 0 ORDER BY digest";

impl ComponentStore for SqliteStore {
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        let digest = Digest::of(bytes);
        self.put_chunks(digest, bytes).map(|()| digest).map_err(|error| refuse(digest, &error))
    }

    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        let read = self.readers.read_blocking(|session| read_component(&session.connection, digest));
        read.map_err(|error| refuse(digest, &error))
    }
}

impl SqliteStore {
    /// Writes the chunks, unless they are stored and whole. Two hosts that write the same component write the same rows.
    fn put_chunks(&self, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let writer = self.log_writer()?;
        match self.readers.read_blocking(|session| read_component(&session.connection, digest)) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) | Err(StoreError::Corrupt(_)) => {}
            Err(error) => return Err(error),
        }
        let insert = |session: &mut Session, number: usize, chunk: &[u8]| {
            writer.check_heads(&session.connection)?;
            execute(&session.connection, INSERT, (digest.as_bytes().as_slice(), number, chunk))
        };
        let (first, rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES));
        for (number, chunk) in (1..).zip(rest.chunks(CHUNK_BYTES)) {
            writer.run(Durability::Disposable, |session| {
                insert(session, number, chunk).map(|_| TransactionEnd::Commit(()))
            })?;
        }
        // Its fsync also makes the chunks before it durable: they are earlier in the same WAL.
        writer.run(Durability::Durable, |session| {
            insert(session, 0, first)?;
            let last = rest.len().div_ceil(CHUNK_BYTES);
            execute(&session.connection, DELETE_BEYOND, (digest.as_bytes().as_slice(), last))?;
            Ok(TransactionEnd::Commit(()))
        })
    }
}

/// Reads the bytes of a component and compares them with its digest.
fn read_component(connection: &Connection, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    if !has_table(connection, "component_bytes")? {
        return Ok(None);
    }
    let (mut bytes, mut first_chunk) = (Vec::new(), None);
    for_each_row(connection, CHUNKS, [digest.as_bytes().as_slice()], |row| {
        first_chunk.get_or_insert(column::<u64>(row, 0)?);
        let chunk = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(explain)?;
        bytes.extend_from_slice(chunk);
        Ok(())
    })?;
    match first_chunk {
        Some(0) if Digest::of(&bytes) == digest => Ok(Some(bytes)),
        Some(0) => Err(StoreError::Corrupt(format!(
            "the bytes of component {} do not match its digest: put the same file into the folder of plugins again, or restore \
             the store from a backup",
            digest.short()
        ))),
        // An interrupted write left chunks behind, or there are none.
        Some(_) | None => Ok(None),
    }
}

/// Reads the digests of all components whose bytes are stored.
pub(super) fn read_digests(connection: &Connection) -> Result<Vec<Digest>, StoreError> {
    match has_table(connection, "component_bytes")? {
        true => query_all(connection, DIGESTS, [], |row| column(row, 0).map(Digest::from_bytes)),
        false => Ok(Vec::new()),
    }
}

/// Compares the bytes of a component with its digest.
pub(super) fn check_component(connection: &Connection, digest: Digest) -> Result<(), StoreError> {
    read_component(connection, digest).map(drop)
}

fn refuse(digest: Digest, error: &StoreError) -> Refused {
    Refused(format!("component {} in the store: {error}", digest.short()))
}
