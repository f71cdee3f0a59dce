//! The newest commands of a history.

use std::collections::BTreeMap;

use cantus_model::{
    CommandRecord,
    ports::{History, StoreError},
};

/// The newest `limit` commands, oldest first. It reads all and keeps no more than those.
pub(super) async fn newest(mut history: Box<dyn History>, limit: usize) -> Result<Vec<CommandRecord>, StoreError> {
    // A tape does not know in which order streams were recorded among each other; at one time they come as they lie.
    let (mut newest, mut count) = (BTreeMap::new(), 0_u64);
    while let Some(page) = history.next_page().await? {
        for command in page.commands {
            newest.insert((command.record.context.now, count), command.record);
            count += 1;
            if newest.len() > limit {
                newest.pop_first();
            }
        }
    }
    Ok(newest.into_values().collect())
}
