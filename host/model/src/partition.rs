//! The partitions of a log, and the assignment of aggregates to them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::AggregateRef;

/// Identifies one partition of the log, from 0. A log has a fixed count of partitions, and an aggregate belongs to
/// one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionId(pub u32);

impl PartitionId {
    /// The only partition of most logs.
    pub const FIRST: Self = Self(0);

    /// The partition of an aggregate in a log of `partitions`. It is the partition that Kafka's default partitioner
    /// gives to the aggregate id as a key, so that a topic keyed by aggregate id with the same count of partitions
    /// lines up with the log. The aggregate type does not matter.
    pub fn of(aggregate: &AggregateRef, partitions: u32) -> Self {
        Self((murmur2(aggregate.id.as_bytes()) & 0x7fff_ffff) % partitions.max(1))
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identifies a log and its count of partitions. Both are fixed when the log is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInfo {
    /// Random id, different for every log; copies of a log have the same one.
    pub log_id: String,
    /// Count of partitions, at least 1.
    pub partitions: u32,
}

impl LogInfo {
    /// All partitions, in order.
    pub fn partition_ids(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.partitions).map(PartitionId)
    }
}

/// 32-bit MurmurHash2 by Austin Appleby (public domain), with the seed that Apache Kafka's `Utils.murmur2` has.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ (word >> 24)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of Kafka's own tests.
    #[test]
    fn murmur2_equals_that_of_kafka() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn aggregates_spread_over_all_partitions() {
        let mut counts = [0; 4];
        for id in 0..4_000 {
            counts[PartitionId::of(&AggregateRef::new("A", format!("a-{id}")), 4).0 as usize] += 1;
        }
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
        assert_eq!(PartitionId::of(&AggregateRef::new("A", "a"), 1), PartitionId::FIRST);
    }
}
