//! The proof that a row is as it was written: a checksum over its content and its position, and a hash chain over all commits.
//!
//! Both cover the same canonical bytes, which do not depend on the columns of a store: fields in a fixed order, numbers as 8
//! bytes little-endian, strings and bytes after their length. The names of the aggregate are among them, so that a row which
//! was moved to another stream is noticed. The checksum finds damage; the chain finds rows whose checksum was repaired.

use cantus_model::{
    Activation, AggregateRef, ComponentRecord, Context, Digest, Message, Outcome, PartitionId, Snapshot, Timestamp,
};
use sha2::Digest as _;

/// An event with its position, whose fields are borrowed.
pub(crate) struct EventFields<'a> {
    pub(crate) partition: PartitionId,
    pub(crate) offset: u64,
    pub(crate) aggregate: &'a AggregateRef,
    pub(crate) version: u64,
    pub(crate) name: &'a str,
    pub(crate) schema_version: u32,
    pub(crate) payload: &'a [u8],
    pub(crate) recorded_at: Timestamp,
    /// The number of its command within the partition.
    pub(crate) command: u64,
}

/// The canonical bytes of one row. The buffer is reused for one row after another.
#[derive(Default)]
pub(crate) struct CanonicalBytes(Vec<u8>);

impl CanonicalBytes {
    /// Replaces the bytes by those of an event.
    pub(crate) fn set_event(&mut self, event: &EventFields<'_>) -> &mut Self {
        self.begin(b'e')
            .push_number(event.partition.0.into())
            .push_number(event.offset)
            .push_aggregate(event.aggregate)
            .push_number(event.version);
        self.push_text(event.name).push_number(event.schema_version.into()).push_bytes(event.payload);
        self.push_number(event.recorded_at.0).push_number(event.command)
    }

    /// Replaces the bytes by those of a snapshot.
    pub(crate) fn set_snapshot(&mut self, snapshot: &Snapshot) -> &mut Self {
        self.begin(b's').push_aggregate(&snapshot.aggregate).push_number(snapshot.version);
        self.push_bytes(snapshot.component.as_bytes()).push_bytes(&snapshot.state)
    }

    /// Replaces the bytes by those of an activation.
    pub(crate) fn set_activation(&mut self, activation: &Activation) -> &mut Self {
        self.begin(b'a')
            .push_number(activation.seq)
            .push_number(activation.at.0)
            .push_text(&activation.plugin)
            .push_text(activation.cause.as_str());
        for digest in [&activation.from, &activation.to] {
            self.push_optional(digest.as_ref().map(|digest| digest.as_bytes().as_slice()));
        }
        self.push_text(&activation.who).push_text(&activation.why).push_optional_text(activation.report.as_deref())
    }

    /// Replaces the bytes by those of a component record; `manifest` is its JSON as it is stored.
    pub(crate) fn set_component(&mut self, record: &ComponentRecord, manifest: &str) -> &mut Self {
        self.begin(b'm').push_bytes(record.digest.as_bytes()).push_text(manifest).push_number(record.first_seen.0)
    }

    /// Returns the CRC-32 (IEEE 802.3) of the bytes.
    pub(crate) fn checksum(&self) -> u32 {
        crc32fast::hash(&self.0)
    }

    /// Empties the buffer for a row of this kind.
    pub(crate) fn begin(&mut self, kind: u8) -> &mut Self {
        self.0.clear();
        self.0.push(kind);
        self
    }

    pub(crate) fn push_number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.push_number(bytes.len() as u64).0.extend_from_slice(bytes);
        self
    }

    fn push_text(&mut self, text: &str) -> &mut Self {
        self.push_bytes(text.as_bytes())
    }

    /// Appends a byte that says whether there is a value, and the value.
    pub(crate) fn push_optional(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        self.0.push(bytes.is_some().into());
        match bytes {
            Some(bytes) => self.push_bytes(bytes),
            None => self,
        }
    }

    fn push_optional_text(&mut self, text: Option<&str>) -> &mut Self {
        self.push_optional(text.map(str::as_bytes))
    }

    pub(crate) fn push_aggregate(&mut self, aggregate: &AggregateRef) -> &mut Self {
        self.push_text(&aggregate.aggregate_type).push_text(&aggregate.id)
    }

    pub(crate) fn push_message(&mut self, message: &Message) -> &mut Self {
        self.push_text(&message.name).push_number(message.version.into()).push_bytes(&message.payload)
    }

    pub(crate) fn push_context(&mut self, context: &Context) -> &mut Self {
        self.push_text(&context.command_id)
            .push_number(context.now.0)
            .push_number(context.seed)
            .push_text(&context.correlation_id);
        self.push_optional_text(context.causation_id.as_deref()).push_optional_text(context.actor.as_deref());
        self.push_number(context.metadata.len() as u64);
        for (key, value) in &context.metadata {
            self.push_text(key).push_text(value);
        }
        self
    }

    pub(crate) fn push_outcome(&mut self, outcome: &Outcome) -> &mut Self {
        match outcome {
            Outcome::Accepted { events } => self.push_optional_text(None).push_number((*events).into()),
            Outcome::Rejected(rejection) => {
                self.push_optional_text(Some(&rejection.code)).push_text(&rejection.message);
                self.push_optional(rejection.detail.as_deref())
            }
        }
    }
}

/// Computes the hash over one commit and, through the hash of the commit before it, over all commits of a partition. A change of
/// any earlier row changes every later hash.
pub(crate) struct ChainHasher(sha2::Sha256);

impl ChainHasher {
    /// Begins the commit that follows the one with the hash `previous`.
    pub(crate) fn after(previous: &Digest) -> Self {
        Self(sha2::Sha256::new_with_prefix(previous.as_bytes()))
    }

    /// Adds a row of the commit: each command, followed by its events.
    pub(crate) fn add(&mut self, row: &CanonicalBytes) {
        self.0.update(&row.0);
    }

    /// Returns the hash of the commit.
    pub(crate) fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

/// Returns the hash that stands before the first commit of a partition.
pub(crate) fn initial_chain_hash(log_id: &str, partition: PartitionId) -> Digest {
    Digest::of_parts([b"cantus chain 1".as_slice(), log_id.as_bytes(), &partition.0.to_le_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> EventFields<'static> {
        static AGGREGATE: std::sync::LazyLock<AggregateRef> = std::sync::LazyLock::new(|| AggregateRef::new("A", "a"));
        EventFields {
            partition: PartitionId(0),
            offset: 7,
            aggregate: &AGGREGATE,
            version: 3,
            name: "Happened",
            schema_version: 1,
            payload: b"{\"amount\":1}",
            recorded_at: Timestamp(5),
            command: 2,
        }
    }

    #[test]
    fn the_checksum_covers_every_field_of_an_event() {
        let checksum = |event: &EventFields<'_>| CanonicalBytes::default().set_event(event).checksum();
        let other = AggregateRef::new("A", "b");
        let changed = [
            EventFields { partition: PartitionId(1), ..event() },
            EventFields { offset: 8, ..event() },
            EventFields { aggregate: &other, ..event() },
            EventFields { version: 4, ..event() },
            EventFields { name: "happened", ..event() },
            EventFields { schema_version: 2, ..event() },
            EventFields { payload: b"{\"amount\":2}", ..event() },
            EventFields { recorded_at: Timestamp(6), ..event() },
            EventFields { command: 3, ..event() },
        ];
        assert!(changed.iter().all(|changed| checksum(changed) != checksum(&event())));
    }

    #[test]
    fn a_chain_hash_depends_on_the_log_and_on_the_order_of_the_rows() {
        let hash = |log_id: &str, offsets: [u64; 2]| {
            let mut hasher = ChainHasher::after(&initial_chain_hash(log_id, PartitionId(0)));
            offsets.iter().for_each(|offset| {
                hasher.add(CanonicalBytes::default().set_event(&EventFields { offset: *offset, ..event() }))
            });
            hasher.finish()
        };
        assert_eq!(hash("log", [1, 2]), hash("log", [1, 2]));
        assert_ne!(hash("log", [1, 2]), hash("log", [2, 1]));
        assert_ne!(hash("log", [1, 2]), hash("other", [1, 2]));
        assert_ne!(initial_chain_hash("log", PartitionId(0)), initial_chain_hash("log", PartitionId(1)));
    }
}
