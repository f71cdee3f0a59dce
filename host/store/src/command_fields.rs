//! The fields of a command record, stated once for everything but the columns of a table: from a decision, to and from a record,
//! and as the bytes that the checksum covers. `sqlite/command_row.rs` has the columns.

use std::borrow::Cow;

use cantus_model::{AggregateRef, CommandRecord, Context, Decision, Digest, Entry, Message, Outcome, PartitionId};

use crate::integrity::CanonicalBytes;

/// A command record whose fields are borrowed: from a record, or from the decision that is about to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct CommandFields<'a> {
    pub(crate) aggregate: &'a AggregateRef,
    pub(crate) request_hash: &'a Digest,
    pub(crate) base_version: u64,
    pub(crate) command: &'a Message,
    pub(crate) context: &'a Context,
    pub(crate) outcome: Cow<'a, Outcome>,
    pub(crate) first_offset: Option<u64>,
    pub(crate) component: Digest,
}

impl<'a> CommandFields<'a> {
    pub(crate) fn of_record(record: &'a CommandRecord) -> Self {
        let CommandRecord { aggregate, request_hash, base_version, command, context, outcome, first_offset, component } =
            record;
        Self {
            aggregate,
            request_hash,
            base_version: *base_version,
            command,
            context,
            outcome: Cow::Borrowed(outcome),
            first_offset: *first_offset,
            component: *component,
        }
    }

    /// The fields of the record that `decision` on `entry` becomes.
    pub(crate) fn of_decision(entry: &'a Entry, decision: &'a Decision, first_offset: Option<u64>) -> Self {
        Self {
            aggregate: &entry.aggregate,
            request_hash: &entry.request_hash,
            base_version: decision.base_version,
            command: &decision.command,
            context: &decision.context,
            outcome: Cow::Owned(decision.verdict.outcome()),
            first_offset,
            component: decision.component,
        }
    }

    pub(crate) fn to_record(&self) -> CommandRecord {
        CommandRecord {
            aggregate: self.aggregate.clone(),
            request_hash: *self.request_hash,
            base_version: self.base_version,
            command: self.command.clone(),
            context: self.context.clone(),
            outcome: self.outcome.clone().into_owned(),
            first_offset: self.first_offset,
            component: self.component,
        }
    }

    /// Replaces `bytes` by the canonical bytes of the command with this number. A change of them is a new format of the store.
    pub(crate) fn write_to<'b>(
        &self,
        bytes: &'b mut CanonicalBytes,
        partition: PartitionId,
        number: u64,
    ) -> &'b CanonicalBytes {
        let Self { aggregate, request_hash, base_version, command, context, outcome, first_offset, component } = self;
        bytes.begin(b'c').push_number(partition.0.into()).push_number(number).push_aggregate(aggregate);
        bytes
            .push_bytes(request_hash.as_bytes())
            .push_number(*base_version)
            .push_message(command)
            .push_context(context)
            .push_outcome(outcome);
        let first_offset = first_offset.map(u64::to_le_bytes);
        bytes.push_optional(first_offset.as_ref().map(<[u8; 8]>::as_slice)).push_bytes(component.as_bytes())
    }
}
