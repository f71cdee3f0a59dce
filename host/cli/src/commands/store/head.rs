//! The ends of partitions, as text and as JSON.

/// Renders the end of a partition.
pub(super) fn head_text(head: &cantus_store::Head) -> String {
    let (commands, events) = (crate::render::count(head.commands), crate::render::count(head.events));
    format!("partition {}: {commands} commands, {events} events, chain {}\n", head.partition, head.chain)
}

/// Returns the JSON form of the end of a partition.
pub(super) fn head_json(head: &cantus_store::Head) -> serde_json::Value {
    serde_json::json!({
        "partition": head.partition,
        "commands": head.commands,
        "events": head.events,
        "chain": head.chain,
    })
}
