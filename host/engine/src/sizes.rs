//! Approximate bytes of memory that commands and decisions take: strings, payloads, and a fixed overhead for each.

use cantus_model::{Command, Context, Entry, Message, Verdict, metadata_bytes};

/// Bytes that a command counts for beside its strings: its job, its entry, and its slots in maps and queues.
const COMMAND_BYTES: usize = 512;
/// Bytes that an event counts for beside its strings: a `Message` and two allocations.
const EVENT_BYTES: usize = 128;

/// Bytes of a command in the engine.
pub(crate) fn command_bytes(command: &Command) -> usize {
    let ids = [&command.id, &command.aggregate.aggregate_type, &command.aggregate.id, &command.name];
    let optional = [&command.actor, &command.correlation_id, &command.causation_id];
    let ids: usize = ids.into_iter().chain(optional.into_iter().flatten()).map(String::len).sum();
    COMMAND_BYTES + ids + command.payload.len() + metadata_bytes(&command.metadata)
}

/// Bytes that a decision adds to its command.
pub(crate) fn verdict_bytes(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Accepted(events) => events.iter().map(|event| EVENT_BYTES + message_bytes(event)).sum(),
        Verdict::Rejected(rejection) => {
            rejection.code.len() + rejection.message.len() + rejection.detail.as_ref().map_or(0, Vec::len)
        }
    }
}

/// Bytes of an entry in a batch.
pub(crate) fn entry_bytes(entry: &Entry) -> usize {
    let ids = entry.command_id.len() + entry.aggregate.aggregate_type.len() + entry.aggregate.id.len();
    let decision = entry.decision.as_ref().map_or(0, |decision| {
        message_bytes(&decision.command) + context_bytes(&decision.context) + verdict_bytes(&decision.verdict)
    });
    COMMAND_BYTES + ids + decision
}

/// Count of the first `items` that together have at most `limit` bytes: at least one.
pub(crate) fn fitting_count<T>(items: &[T], limit: usize, size: impl Fn(&T) -> usize) -> usize {
    let mut bytes = 0;
    let fitting = items.iter().take_while(|item| {
        bytes += size(item);
        bytes <= limit
    });
    fitting.count().max(1)
}

fn message_bytes(message: &Message) -> usize {
    message.name.len() + message.payload.len()
}

fn context_bytes(context: &Context) -> usize {
    let optional = [&context.actor, &context.causation_id];
    let optional: usize = optional.into_iter().flatten().map(String::len).sum();
    context.correlation_id.len() + optional + metadata_bytes(&context.metadata)
}
