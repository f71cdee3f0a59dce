//! Merges the newest commands of all partitions.

use cantus_model::CommandRecord;

/// Merges the newest commands of each partition, each list the newest first, into the newest `limit` of all, the oldest first.
pub(crate) fn merge_newest(partitions: impl Iterator<Item = Vec<CommandRecord>>, limit: usize) -> Vec<CommandRecord> {
    let mut partitions: Vec<_> = partitions.filter(|newest| !newest.is_empty()).collect();
    if let [only] = &mut partitions[..] {
        only.reverse();
        return std::mem::take(only);
    }
    let mut records: Vec<CommandRecord> = partitions.into_iter().flat_map(|newest| newest.into_iter().rev()).collect();
    records.sort_by_key(|record| record.context.now); // stable: time does not run backwards within a stream
    records.split_off(records.len().saturating_sub(limit))
}
