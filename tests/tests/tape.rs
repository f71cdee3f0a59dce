//! A day of real flights on a tape: the tape is small and is read as it was written, and with redacted aircraft the same domain
//! logic still decides the history in the same way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::HashMap, path::Path};

use cantus_model::{
    AggregateRef, Command, CommandRecord, Context, Digest, HistoryPage, HistoryQuery, Message, Outcome,
    RecordedCommand, Rejection, Timestamp, ports::HistorySource,
};
use cantus_sdk::{Failure, testing::Harness};
use cantus_store::tape::{Redactor, Tape, TapeWriter};
use flights::feed::{self, CommandLine};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flights/data/flights-2013-01-01.csv");

/// One aggregate, decided by native code.
struct Stream {
    aggregate: AggregateRef,
    harness: Harness,
    commands: Vec<RecordedCommand>,
}

impl Stream {
    fn new(aggregate: &AggregateRef) -> Self {
        let harness = Harness::new(&aggregate.aggregate_type, &aggregate.id);
        Self { aggregate: aggregate.clone(), harness, commands: vec![] }
    }

    /// Decides a command as the component would, and folds what it decided.
    fn decide(&mut self, command: &Message, context: &Context) -> (Outcome, Vec<Message>) {
        self.harness.context.now = cantus_sdk::Timestamp::from_micros(context.now.0);
        self.harness.context.command_id.clone_from(&context.command_id);
        self.harness.context.seed = context.seed;
        match self.harness.handle(&command.name, command.version, command.payload.clone()) {
            Ok(events) => {
                self.harness.combine(&events).unwrap();
                let event = |event: cantus_sdk::Message| Message {
                    name: event.name,
                    version: event.version,
                    payload: event.payload,
                };
                (Outcome::Accepted { events: events.len() as u32 }, events.into_iter().map(event).collect())
            }
            Err(Failure::Rejected(no)) => {
                (Outcome::Rejected(Rejection { code: no.code, message: no.message, detail: no.detail }), vec![])
            }
            Err(failure) => panic!("{}: {failure:?}", context.command_id),
        }
    }

    /// Decides and records a command as the host would. Its first event has this offset. Returns the number of its events.
    fn record(&mut self, line: &CommandLine, now: Timestamp, offset: u64) -> u64 {
        let (id, payload) = (line.id.clone(), line.payload.get().as_bytes().to_vec());
        let context = Context {
            command_id: id.clone(),
            now,
            seed: Command::seed_of(&id),
            correlation_id: id,
            causation_id: None,
            actor: Some(line.actor.clone()),
            metadata: vec![],
        };
        let command = Message { name: line.command.into(), version: line.version, payload };
        let (outcome, events) = self.decide(&command, &context);
        let count = events.len() as u64;
        let record = CommandRecord {
            aggregate: self.aggregate.clone(),
            request_hash: Command::hash_of(&self.aggregate, line.command, Some(line.version), &command.payload, None),
            base_version: self.commands.last().map_or(0, |last| last.record.version()),
            command,
            context,
            outcome,
            first_offset: (count > 0).then_some(offset),
            component: Digest::of(b"flights"),
        };
        self.commands.push(RecordedCommand { record, events });
        count
    }
}

/// Returns the history of the day, in the order in which the streams began. A host takes about 50 microseconds for a command.
fn record_day() -> Vec<HistoryPage> {
    let timeline = feed::open(Path::new(DAY)).unwrap();
    let (mut streams, mut indexes, mut now, mut offset) =
        (Vec::<Stream>::new(), HashMap::new(), 1_800_000_000_000_000, 0);
    for line in timeline.commands().map(Result::unwrap) {
        let aggregate = AggregateRef::new(line.aggregate, line.aggregate_id.as_str());
        let index = *indexes.entry(aggregate.clone()).or_insert(streams.len());
        if index == streams.len() {
            streams.push(Stream::new(&aggregate));
        }
        now += 5 + Command::seed_of(&line.id) % 90;
        offset += streams[index].record(&line, Timestamp(now), offset);
    }
    let page = |stream: Stream| HistoryPage { aggregate: stream.aggregate, commands: stream.commands, last: true };
    streams.into_iter().map(page).collect()
}

/// Writes a tape and reads it. Returns the pages and the bytes of the tape.
async fn write_and_read(pages: Vec<HistoryPage>, redactor: Option<Redactor>) -> (Vec<HistoryPage>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.tape");
    let mut writer = TapeWriter::new(vec![], &HistoryQuery::default(), &[], redactor).unwrap();
    for page in pages {
        writer.write(page).unwrap();
    }
    let (bytes, summary) = writer.finish().unwrap();
    assert_eq!(summary.unused_rules, Vec::<String>::new());
    std::fs::write(&path, &bytes).unwrap();
    let tape = Tape::open(&path).unwrap();
    assert_eq!((tape.totals(), tape.checksum()), (summary.totals, summary.checksum));
    let (mut read, mut history) = (Vec::<HistoryPage>::new(), tape.history(&HistoryQuery::default()).await.unwrap());
    while let Some(page) = history.next_page().await.unwrap() {
        match read.last_mut().filter(|open| !open.last) {
            Some(open) => {
                open.commands.extend(page.commands);
                open.last = page.last;
            }
            None => read.push(page),
        }
    }
    (read, bytes.len() as u64)
}

#[tokio::test]
async fn a_day_is_small_on_a_tape_and_read_as_it_was_written() {
    let day = record_day();
    let commands: usize = day.iter().map(|page| page.commands.len()).sum();
    let (read, bytes) = write_and_read(day.clone(), None).await;
    assert!(read == day);
    let bytes_each = bytes as f64 / commands as f64;
    println!("{commands} commands, {bytes} bytes, {bytes_each:.1} each");
    assert!(commands > 4_000 && bytes_each < 60.0, "{commands} commands, {bytes_each:.1} bytes each");
}

const AIRCRAFT: &str = r#"
rule = [
    { aggregate = "Aircraft", part = "aggregate-id" },
    { aggregate = "Flight", message = "Schedule", field = "/aircraft" },
    { aggregate = "Flight", message = "FlightScheduled", field = "/plan/aircraft" },
    { aggregate = "Flight", message = "FlightDeparted", field = "/aircraft" },
]
"#;

#[tokio::test]
async fn a_redacted_day_is_decided_in_the_same_way() {
    let day = record_day();
    let redactor = Redactor::parse(AIRCRAFT, "the airline's own secret").unwrap();
    let (redacted, _) = write_and_read(day.clone(), Some(redactor)).await;
    let tails = |day: &[HistoryPage]| -> Vec<String> {
        let aircraft = day.iter().filter(|page| page.aggregate.aggregate_type == "Aircraft");
        aircraft.map(|page| page.aggregate.id.clone()).collect()
    };
    let text = format!("{redacted:?}");
    for (tail, pseudonym) in tails(&day).iter().zip(tails(&redacted)) {
        assert!(!text.contains(tail), "{tail} is left");
        // An aircraft has one name, in its own stream and in those of its flights.
        let of_flights =
            redacted.iter().flat_map(|page| &page.commands).filter(|c| c.record.command.name == "Schedule");
        let field = format!("\"aircraft\":\"{pseudonym}\"");
        assert!(of_flights.map(|c| String::from_utf8_lossy(&c.record.command.payload)).any(|p| p.contains(&field)));
    }
    assert!(tails(&day).len() > 400);
    for page in redacted {
        let mut stream = Stream::new(&page.aggregate);
        for RecordedCommand { record, events } in &page.commands {
            let decided = stream.decide(&record.command, &record.context);
            assert_eq!(decided, (record.outcome.clone(), events.clone()), "{}", record.context.command_id);
        }
    }
}
