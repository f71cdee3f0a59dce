//! Errors of the ports that every store reports in the same words.

use cantus_model::{ComponentRecord, Digest, PartitionId, ports::StoreError};

/// The log has no such partition.
pub(crate) fn unknown_partition(partition: PartitionId) -> StoreError {
    StoreError::Other(format!("this log has no partition {partition}"))
}

/// The name and version of `component` belong to another component, so it cannot go live.
pub(crate) fn version_in_use(component: &ComponentRecord, owner: Digest) -> StoreError {
    let (name, version, digest) = (&component.manifest.name, &component.manifest.version, component.digest.short());
    let owner = owner.short();
    StoreError::Other(format!(
        "{name} {version} is {owner} for ever, and {digest} is another component: give it a version of its own"
    ))
}
