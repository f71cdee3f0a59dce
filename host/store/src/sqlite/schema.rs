//! Creates the tables of a store.

use cantus_model::{LogInfo, PartitionId, ports::StoreError};
use rusqlite::Connection;

use super::{
    error::explain,
    key::key,
    query::{execute, query_optional},
};
use crate::integrity::initial_chain_hash;

/// The format that this build writes. Formats 1 and 2 were those of sqlx's migrations.
pub(super) const FORMAT: i64 = 3;
const TABLES: &str = include_str!("schema/format_3.sql");
const COMPONENT_BYTES: &str = include_str!("schema/component_bytes.sql");
/// The rule by which aggregates belong to partitions: that of Kafka's default partitioner.
pub(super) const PARTITIONER: &str = "murmur2";

/// Creates the tables, and the partitions of an empty log.
pub(super) fn create_log(connection: &Connection, info: &LogInfo) -> Result<(), StoreError> {
    key(PartitionId(info.partitions - 1), 0)?; // refuses too many partitions
    connection.execute_batch(TABLES).map_err(explain)?;
    create_component_bytes(connection)?;
    let log = "INSERT INTO log (log_id, partitions, partitioner) VALUES (?, ?, ?)";
    execute(connection, log, (&info.log_id, info.partitions, PARTITIONER))?;
    let sql = "INSERT INTO partition (id, head, commands, streams, writer_epoch, chain) VALUES (?, 0, 0, 0, 0, ?)";
    for partition in info.partition_ids() {
        let chain = initial_chain_hash(&info.log_id, partition);
        execute(connection, sql, (partition.0, chain.as_bytes().as_slice()))?;
    }
    connection.pragma_update(None, "user_version", FORMAT).map_err(explain)
}

/// Creates the table of component bytes, unless the store has it.
pub(super) fn create_component_bytes(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(COMPONENT_BYTES).map_err(explain)
}

/// Reports whether the store has this table.
pub(super) fn has_table(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    query_optional(connection, sql, [name], |_| Ok(())).map(|found| found.is_some())
}
