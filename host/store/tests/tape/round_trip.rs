//! Random histories: a tape is read as it was written, and the same history gives the same bytes.

use cantus_model::{
    AggregateRef, Command, CommandRecord, Context, Digest, HistoryPage, Message, Outcome, RecordedCommand, Rejection,
    Timestamp,
};
use proptest::prelude::*;

use crate::fixtures::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z]{0,9}", 1 => any::<String>(), 1 => Just("the same".to_owned())]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-z]{0,20}".prop_map(|text| format!("{{\"name\":\"{text}\"}}").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => Just(vec![]),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let name = prop_oneof![4 => prop::sample::select(vec!["Opened", "Paid"]).prop_map(str::to_owned), 1 => text()];
    let version = prop_oneof![4 => Just(1), 1 => any::<u32>()];
    (name, version, payload()).prop_map(|(name, version, payload)| Message { name, version, payload })
}

fn rejection() -> impl Strategy<Value = Rejection> {
    let detail = prop::option::of(payload());
    (text(), text(), detail).prop_map(|(code, message, detail)| Rejection { code, message, detail })
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..100_u64, 1 => any::<u64>()]
}

/// Returns `None`, for a value that follows from the command, or sometimes any value.
fn deviation<T: Strategy>(values: T) -> impl Strategy<Value = Option<T::Value>> {
    prop::option::weighted(0.15, values)
}

/// A command that is not in a stream yet. A value that is `None` follows from the others, as in a real record.
#[derive(Clone, Debug)]
struct CommandDraft {
    id: String,
    aggregate_in_id: bool,
    now: u64,
    seed: Option<u64>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    actor: Option<String>,
    metadata: Vec<(String, String)>,
    command: Message,
    decision: Result<Vec<Message>, Rejection>,
    gave_version: bool,
    gave_expected: bool,
    request_hash: Option<[u8; 32]>,
    base_version: Option<u64>,
    first_offset: Option<Option<u64>>,
    component: u8,
}

fn draft() -> impl Strategy<Value = CommandDraft> {
    let ids = (text(), any::<bool>(), deviation(text()), prop::option::of(text()), prop::option::of(text()));
    let numbers =
        (number(), deviation(any::<u64>()), deviation(0..u64::MAX / 2), deviation(prop::option::of(any::<u64>())));
    let decision = prop_oneof![
        4 => prop::collection::vec(message(), 0..4).prop_map(Ok),
        1 => rejection().prop_map(Err),
    ];
    let request = (any::<bool>(), any::<bool>(), deviation(any::<[u8; 32]>()), 0..4_u8);
    let metadata = prop::collection::vec((text(), text()), 0..3);
    (ids, numbers, request, metadata, message(), decision).prop_map(
        |(ids, numbers, request, metadata, command, decision)| {
            let (id, aggregate_in_id, correlation_id, causation_id, actor) = ids;
            let (now, seed, base_version, first_offset) = numbers;
            let (gave_version, gave_expected, request_hash, component) = request;
            CommandDraft {
                id,
                aggregate_in_id,
                now,
                seed,
                correlation_id,
                causation_id,
                actor,
                metadata,
                command,
                decision,
                gave_version,
                gave_expected,
                request_hash,
                base_version,
                first_offset,
                component,
            }
        },
    )
}

impl CommandDraft {
    /// Returns the command in a stream with this version.
    fn into_recorded(self, aggregate: &AggregateRef, version: u64) -> RecordedCommand {
        let command_id = if self.aggregate_in_id { format!("{}/{}", aggregate.id, self.id) } else { self.id };
        let base_version = self.base_version.unwrap_or(version);
        let message = &self.command;
        let (given, expected) =
            (self.gave_version.then_some(message.version), self.gave_expected.then_some(base_version));
        let hash = Command::hash_of(aggregate, &message.name, given, &message.payload, expected);
        let (outcome, events) = match self.decision {
            Ok(events) => (Outcome::Accepted { events: events.len() as u32 }, events),
            Err(rejection) => (Outcome::Rejected(rejection), vec![]),
        };
        let context = Context {
            now: Timestamp(self.now),
            seed: self.seed.unwrap_or_else(|| Command::seed_of(&command_id)),
            correlation_id: self.correlation_id.unwrap_or_else(|| command_id.clone()),
            command_id,
            causation_id: self.causation_id,
            actor: self.actor,
            metadata: self.metadata,
        };
        let record = CommandRecord {
            aggregate: aggregate.clone(),
            request_hash: self.request_hash.map_or(hash, Digest::from_bytes),
            base_version,
            command: self.command,
            context,
            first_offset: self.first_offset.unwrap_or((!events.is_empty()).then_some(self.now)),
            outcome,
            component: Digest::of(&[self.component]),
        };
        RecordedCommand { record, events }
    }
}

fn stream() -> impl Strategy<Value = Stream> {
    let kind = prop::sample::select(vec!["Account", "Flight"]);
    (kind, text(), prop::collection::vec(draft(), 1..12)).prop_map(|(kind, id, drafts)| {
        let (aggregate, mut version) = (AggregateRef::new(kind, id), 0);
        let record = |draft: CommandDraft| {
            let command = draft.into_recorded(&aggregate, version);
            version = command.record.version();
            command
        };
        let commands = drafts.into_iter().map(record).collect();
        (aggregate, commands)
    })
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn a_tape_is_read_as_it_was_written(streams in prop::collection::vec(stream(), 0..8), page in 1..9_usize) {
        let (bytes, _) = write(pages(&streams, page), &[], None).unwrap();
        prop_assert_eq!(read_all(&bytes), streams);
    }

    #[test]
    fn the_same_history_gives_the_same_bytes(streams in prop::collection::vec(stream(), 0..8), page in 1..9_usize) {
        let mut cut = vec![];
        for page in pages(&streams, page) {
            cut.push(HistoryPage { last: false, ..page.clone() });
            // An empty page changes nothing, wherever it is in a stream.
            cut.push(HistoryPage { commands: vec![], last: false, ..page.clone() });
            cut.push(HistoryPage { commands: vec![], ..page });
        }
        let (whole, of_whole) = write(pages(&streams, 1_000), &[], None).unwrap();
        let (other, of_other) = write(cut, &[], None).unwrap();
        prop_assert!(whole == other);
        prop_assert_eq!(&of_whole, &of_other);
        prop_assert_eq!(TapeFolder::new().open(&whole).unwrap().checksum(), of_whole.checksum);
    }
}
