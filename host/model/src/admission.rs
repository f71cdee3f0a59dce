//! Checks that a command passes before it is decided. They depend on the command alone.

use crate::{Command, CommandError};

/// Bytes of the longest id or name that can be stored.
const MAX_ID_BYTES: usize = 512;
/// Bytes that a pair of metadata counts for beside its strings.
const METADATA_PAIR_BYTES: usize = 8;

/// Bytes that all pairs of metadata count for.
pub fn metadata_bytes(metadata: &[(String, String)]) -> usize {
    metadata.iter().map(|(key, value)| METADATA_PAIR_BYTES + key.len() + value.len()).sum()
}

/// Refuses a command whose payload and metadata have more than `limit` bytes.
pub fn check_size(command: &Command, limit: usize) -> Result<(), CommandError> {
    let bytes = command.payload.len() + metadata_bytes(&command.metadata);
    if bytes > limit { Err(CommandError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// Refuses ids that cannot be stored, and ids with control characters, which a reader cannot see. Ids that are
/// already recorded stay readable.
pub fn check_ids(command: &Command) -> Result<(), CommandError> {
    let ids = [
        ("id", Some(&command.id)),
        ("aggregate", Some(&command.aggregate.aggregate_type)),
        ("aggregate_id", Some(&command.aggregate.id)),
        ("command", Some(&command.name)),
        ("actor", command.actor.as_ref()),
        ("correlation_id", command.correlation_id.as_ref()),
        ("causation_id", command.causation_id.as_ref()),
    ];
    for (field, value) in ids.into_iter().filter_map(|(field, value)| Some((field, value?))) {
        if value.is_empty() || value.len() > MAX_ID_BYTES {
            return Err(CommandError::Invalid(format!("`{field}` must have 1 to {MAX_ID_BYTES} bytes")));
        }
        if let Some((at, control)) = value.char_indices().find(|(_, char)| char.is_control()) {
            let code = u32::from(control);
            let why = format!("`{field}` has the control character U+{code:04X} at byte {at}: leave it out");
            return Err(CommandError::Invalid(why));
        }
    }
    Ok(())
}
