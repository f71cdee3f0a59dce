//! Keys that combine a partition and a number, as the schema describes them.

use cantus_model::{PartitionId, ports::StoreError};

/// Bits of the number. The schema has the same constant: `pk >> 40`.
const NUMBER_BITS: u32 = 40;

/// Returns the key of the row with this number. Numbers are below 2^40, partitions below 2^23.
pub(super) fn key(partition: PartitionId, number: u64) -> Result<i64, StoreError> {
    match number >> NUMBER_BITS == 0 && partition.0 >> (63 - NUMBER_BITS) == 0 {
        true => Ok((i64::from(partition.0) << NUMBER_BITS) | number.cast_signed()),
        false => {
            Err(StoreError::Other(format!("partition {partition} is full: {number} is beyond its largest number")))
        }
    }
}

/// Returns the largest key that a row of the partition can have.
pub(super) fn last_key(partition: PartitionId) -> i64 {
    (i64::from(partition.0) << NUMBER_BITS) | ((1 << NUMBER_BITS) - 1)
}

/// Splits a key into the partition and the number.
pub(super) fn split(key: i64) -> (PartitionId, u64) {
    let (partition, number) = (key >> NUMBER_BITS, key & ((1 << NUMBER_BITS) - 1));
    (PartitionId(partition as u32), number.cast_unsigned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_splits_into_the_partition_and_number_that_made_it() {
        for (partition, number) in [(0, 0), (0, (1 << 40) - 1), (1, 0), ((1 << 23) - 1, 12)] {
            let partition = PartitionId(partition);
            let key = key(partition, number).unwrap();
            assert_eq!(split(key), (partition, number));
            assert!(key <= last_key(partition));
        }
        assert_eq!(key(PartitionId(0), 7).unwrap(), 7);
        assert!(key(PartitionId(0), 1 << 40).is_err() && key(PartitionId(1 << 23), 0).is_err());
    }
}
