//! What proves that a row is what was written: a checksum over its content and its place, and a hash that is chained from
//! commit to commit.
//!
//! Both cover the same canonical bytes, which do not depend on how a store lays its rows out: fields in a fixed order, numbers
//! as 8 bytes little-endian, strings and bytes behind their length. A row's checksum includes the names of its aggregate, so
//! that a row which got under another stream is noticed. The checksum finds damage; the chain finds whoever repairs checksums.

use cantus_model::{
    Activation, AggregateRef, CommandRecord, ComponentRecord, Context, Digest, Message, Outcome, PartitionId, Snapshot,
    Timestamp,
};
use sha2::Digest as _;

/// Where an event is and what it says.
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

/// Which command of its partition it is, and what its record says.
pub(crate) struct CommandFields<'a> {
    pub(crate) partition: PartitionId,
    pub(crate) number: u64,
    pub(crate) aggregate: &'a AggregateRef,
    pub(crate) request_hash: &'a Digest,
    pub(crate) base_version: u64,
    pub(crate) command: &'a Message,
    pub(crate) context: &'a Context,
    pub(crate) outcome: &'a Outcome,
    pub(crate) first_offset: Option<u64>,
    pub(crate) component: &'a Digest,
}

impl<'a> CommandFields<'a> {
    /// Those of a record.
    pub(crate) fn of(partition: PartitionId, number: u64, record: &'a CommandRecord) -> Self {
        Self {
            partition,
            number,
            aggregate: &record.aggregate,
            request_hash: &record.request_hash,
            base_version: record.base_version,
            command: &record.command,
            context: &record.context,
            outcome: &record.outcome,
            first_offset: record.first_offset,
            component: &record.component,
        }
    }
}

/// The canonical bytes of one row. It is used for one row after another.
#[derive(Default)]
pub(crate) struct Canonical(Vec<u8>);

impl Canonical {
    /// Takes in an event.
    pub(crate) fn event(&mut self, event: &EventFields<'_>) -> &mut Self {
        self.begin(b'e');
        self.number(event.partition.0.into()).number(event.offset).aggregate(event.aggregate).number(event.version);
        self.text(event.name).number(event.schema_version.into()).bytes(event.payload);
        self.number(event.recorded_at.0).number(event.command)
    }

    /// Takes in a command.
    pub(crate) fn command(&mut self, command: &CommandFields<'_>) -> &mut Self {
        self.begin(b'c');
        self.number(command.partition.0.into()).number(command.number).aggregate(command.aggregate);
        self.bytes(command.request_hash.as_bytes()).number(command.base_version);
        self.message(command.command).context(command.context).outcome(command.outcome);
        let first_offset = command.first_offset.map(u64::to_le_bytes);
        self.optional(first_offset.as_ref().map(<[u8; 8]>::as_slice)).bytes(command.component.as_bytes())
    }

    /// Takes in a snapshot.
    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) -> &mut Self {
        self.begin(b's');
        self.aggregate(&snapshot.aggregate).number(snapshot.version);
        self.bytes(snapshot.component.as_bytes()).bytes(&snapshot.state)
    }

    /// Takes in an activation.
    pub(crate) fn activation(&mut self, activation: &Activation) -> &mut Self {
        self.begin(b'a');
        self.number(activation.seq).number(activation.at.0).text(&activation.plugin).text(activation.cause.as_str());
        for digest in [&activation.from, &activation.to] {
            self.optional(digest.as_ref().map(|digest| digest.as_bytes().as_slice()));
        }
        self.text(&activation.who).text(&activation.why).optional_text(activation.report.as_deref())
    }

    /// Takes in what is known of a component: its manifest as the store has it.
    pub(crate) fn component(&mut self, record: &ComponentRecord, manifest: &str) -> &mut Self {
        self.begin(b'm');
        self.bytes(record.digest.as_bytes()).text(manifest).number(record.first_seen.0)
    }

    /// The CRC-32 of the bytes, as IEEE 802.3 has it.
    pub(crate) fn checksum(&self) -> u32 {
        crc32fast::hash(&self.0)
    }

    fn begin(&mut self, kind: u8) {
        self.0.clear();
        self.0.push(kind);
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64).0.extend_from_slice(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Whether there is a value, and the value.
    fn optional(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        self.0.push(bytes.is_some().into());
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self,
        }
    }

    fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        self.optional(text.map(str::as_bytes))
    }

    fn aggregate(&mut self, aggregate: &AggregateRef) -> &mut Self {
        self.text(&aggregate.aggregate_type).text(&aggregate.id)
    }

    fn message(&mut self, message: &Message) -> &mut Self {
        self.text(&message.name).number(message.version.into()).bytes(&message.payload)
    }

    fn context(&mut self, context: &Context) -> &mut Self {
        self.text(&context.command_id).number(context.now.0).number(context.seed).text(&context.correlation_id);
        self.optional_text(context.causation_id.as_deref()).optional_text(context.actor.as_deref());
        self.number(context.metadata.len() as u64);
        for (key, value) in &context.metadata {
            self.text(key).text(value);
        }
        self
    }

    fn outcome(&mut self, outcome: &Outcome) -> &mut Self {
        match outcome {
            Outcome::Accepted { events } => self.optional_text(None).number((*events).into()),
            Outcome::Rejected(rejection) => {
                self.optional_text(Some(&rejection.code)).text(&rejection.message);
                self.optional(rejection.detail.as_deref())
            }
        }
    }
}

/// The hash over one commit and, through the one before it, over all commits of a partition. Whoever changes, adds or takes
/// away a row of an earlier commit has to change every hash after it.
pub(crate) struct ChainHasher(sha2::Sha256);

impl ChainHasher {
    /// Goes on behind the commit whose hash is `previous`.
    pub(crate) fn after(previous: &Digest) -> Self {
        Self(sha2::Sha256::new_with_prefix(previous.as_bytes()))
    }

    /// Takes in a row of the commit: each command, and behind it its events.
    pub(crate) fn add(&mut self, row: &Canonical) {
        self.0.update(&row.0);
    }

    /// The hash of the commit.
    pub(crate) fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

/// What the chain of a partition begins with.
pub(crate) fn genesis(log_id: &str, partition: PartitionId) -> Digest {
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
    fn every_field_of_an_event_counts() {
        let checksum = |event: &EventFields<'_>| Canonical::default().event(event).checksum();
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
    fn a_chain_depends_on_its_beginning_and_on_the_order_of_its_rows() {
        let hash = |log_id: &str, offsets: [u64; 2]| {
            let mut hasher = ChainHasher::after(&genesis(log_id, PartitionId(0)));
            offsets
                .iter()
                .for_each(|offset| hasher.add(Canonical::default().event(&EventFields { offset: *offset, ..event() })));
            hasher.finish()
        };
        assert_eq!(hash("log", [1, 2]), hash("log", [1, 2]));
        assert_ne!(hash("log", [1, 2]), hash("log", [2, 1]));
        assert_ne!(hash("log", [1, 2]), hash("other", [1, 2]));
        assert_ne!(genesis("log", PartitionId(0)), genesis("log", PartitionId(1)));
    }
}
