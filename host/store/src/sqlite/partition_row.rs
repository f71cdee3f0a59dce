//! The row of a partition: its counts, its writer epoch, and the hash of its last commit.

use cantus_model::{
    Digest, LogInfo, PartitionId,
    ports::{Claim, StoreError},
};
use rusqlite::{Connection, Row};

use super::query::{execute, query_optional};
use crate::{heads::Head, planner::PartitionCounts, port_errors::unknown_partition};

const SELECT: &str = "SELECT writer_epoch, head, commands, streams, chain FROM partition WHERE id = ?";

const CLAIM: &str = "UPDATE partition SET writer_epoch = writer_epoch + 1 WHERE id = ?";

const ADVANCE: &str = "UPDATE partition SET head = ?, commands = ?, streams = ?, chain = ? WHERE id = ?";

/// The row of a partition.
pub(super) struct PartitionRow {
    pub(super) epoch: u64,
    pub(super) counts: PartitionCounts,
    /// The hash of the last commit.
    pub(super) chain: Digest,
}

impl PartitionRow {
    /// Reads the row. Each commit reads it again, so that no failed batch and no other process leaves it wrong.
    pub(super) fn read(connection: &Connection, partition: PartitionId) -> Result<Self, StoreError> {
        let read = |row: &Row<'_>| {
            Ok(Self {
                epoch: row.get(0)?,
                counts: PartitionCounts { events: row.get(1)?, commands: row.get(2)?, streams: row.get(3)? },
                chain: Digest::from_bytes(row.get(4)?),
            })
        };
        query_optional(connection, SELECT, [partition.0], read)?.ok_or_else(|| unknown_partition(partition))
    }
}

/// Refuses a claim that a later one has replaced.
pub(super) fn check_claim(connection: &Connection, claim: Claim) -> Result<(), StoreError> {
    match PartitionRow::read(connection, claim.partition)?.epoch == claim.epoch {
        true => Ok(()),
        false => Err(StoreError::Fenced),
    }
}

/// Raises the epoch, which fences all earlier claims.
pub(super) fn raise_epoch(connection: &Connection, partition: PartitionId) -> Result<(), StoreError> {
    execute(connection, CLAIM, [partition.0]).map(drop)
}

/// Writes the counts and the hash after a commit.
pub(super) fn advance(
    connection: &Connection,
    partition: PartitionId,
    counts: PartitionCounts,
    chain: &Digest,
) -> Result<(), StoreError> {
    let PartitionCounts { events, commands, streams } = counts;
    let values = (events, commands, streams, chain.as_bytes().as_slice(), partition.0);
    match execute(connection, ADVANCE, values)? {
        1 => Ok(()),
        _ => Err(unknown_partition(partition)),
    }
}

/// Reads the heads of all partitions.
pub(super) fn read_heads(connection: &Connection, info: &LogInfo) -> Result<Vec<Head>, StoreError> {
    let head = |partition| {
        let PartitionRow { counts, chain, .. } = PartitionRow::read(connection, partition)?;
        Ok(Head { partition, commands: counts.commands, events: counts.events, chain })
    };
    info.partition_ids().map(head).collect()
}
