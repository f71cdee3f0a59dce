//! Measures the memory that writing and reading a large tape take. It is a test binary of its own, because it measures the process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs::File, io::BufWriter, path::Path, time::Instant};

use cantus_model::{
    AggregateRef, Command, CommandRecord, Context, Digest, HistoryPage, HistoryQuery, Message, Outcome,
    RecordedCommand, Timestamp, ports::HistorySource,
};
use cantus_store::tape::{Tape, TapeWriter};

/// Commands of each stream.
const LENGTH: u64 = 5;

fn command(aggregate: &AggregateRef, number: u64, payload: impl Fn(u64) -> String) -> RecordedCommand {
    let (name, id) = (["Schedule", "Depart", "Arrive"][(number % 3) as usize], format!("{}/{number}", aggregate.id));
    let (asked, happened) = (payload(number).into_bytes(), payload(number + 1).into_bytes());
    let record = CommandRecord {
        aggregate: aggregate.clone(),
        request_hash: Command::hash_of(aggregate, name, Some(1), &asked, None),
        base_version: number % LENGTH,
        command: Message { name: name.into(), version: 1, payload: asked },
        context: Context {
            now: Timestamp(1_700_000_000_000_000 + number * 50),
            seed: Command::seed_of(&id),
            correlation_id: id.clone(),
            command_id: id,
            causation_id: None,
            actor: Some("UA".into()),
            metadata: vec![],
        },
        outcome: Outcome::Accepted { events: 1 },
        first_offset: Some(number),
        component: Digest::of(b"flights"),
    };
    RecordedCommand { record, events: vec![Message { name: format!("{name}d"), version: 1, payload: happened }] }
}

/// Writes streams with `commands` commands together, with one stream in memory at a time.
fn record(path: &Path, commands: u64, payload: impl Fn(u64) -> String) {
    let file = BufWriter::new(File::create(path).unwrap());
    let mut writer = TapeWriter::new(file, &HistoryQuery::default(), &[], None).unwrap();
    for stream in 0..commands / LENGTH {
        let aggregate = AggregateRef::new("Flight", format!("2013-01-01-UA-{stream}-EWR"));
        let commands = (stream * LENGTH..(stream + 1) * LENGTH).map(|number| command(&aggregate, number, &payload));
        writer.write(HistoryPage { aggregate: aggregate.clone(), commands: commands.collect(), last: true }).unwrap();
    }
    writer.finish().unwrap();
}

/// Reads the whole tape. Returns the number of commands, and the bytes of their payloads and those of their events.
async fn read_all(tape: &Tape) -> (u64, u64) {
    let (mut count, mut bytes) = (0, 0);
    let mut history = tape.history(&HistoryQuery::default()).await.unwrap();
    while let Some(page) = history.next_page().await.unwrap() {
        count += page.commands.len() as u64;
        let payloads = page.commands.iter().map(|c| c.record.command.payload.len() + c.events[0].payload.len());
        bytes += payloads.sum::<usize>() as u64;
    }
    (count, bytes)
}

fn memory() -> usize {
    memory_stats::memory_stats().unwrap().physical_mem
}

#[tokio::test]
async fn writing_and_reading_a_tape_take_less_memory_than_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.tape");
    // Hexadecimal digits: they do not compress below a half.
    let noise = |number: u64| -> String {
        (0..16).map(|part| Digest::of(&[number.to_le_bytes(), [part; 8]].concat()).to_string()).collect()
    };
    let before = memory();
    record(&path, 100_000, noise);
    let while_writing = memory();
    let tape = Tape::open(&path).unwrap();
    let (commands, bytes) = read_all(&tape).await;
    let while_reading = memory();
    assert_eq!((commands, bytes), (100_000, 100_000 * 2 * 16 * 64));
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size > 50_000_000, "the tape has only {size} bytes");
    let (writing, reading) = (while_writing.saturating_sub(before), while_reading.saturating_sub(before));
    println!("writing took {writing} bytes of memory, reading {reading}");
    assert!(writing < 48 << 20 && reading < 48 << 20, "writing took {writing} bytes of memory, reading {reading}");
}

/// `cargo test --release -p cantus-store --test tape_size -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement that is meaningful only in a release build"]
async fn print_the_rates() {
    const COMMANDS: u64 = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flights.tape");
    let flight = |number: u64| {
        let (day, minute, digits) = (number / 4_600 % 28 + 1, number % 60, Digest::of(&number.to_le_bytes()).short());
        format!(
            r#"{{"date":"2013-01-{day:02}","carrier":"UA","number":{number},"origin":"EWR","aircraft":"N{digits}","clock":{minute}}}"#
        )
    };
    let rate = |since: Instant| COMMANDS as f64 / since.elapsed().as_secs_f64();
    let begin = Instant::now();
    record(&path, COMMANDS, flight);
    println!("written: {:.0} commands/s", rate(begin));
    let begin = Instant::now();
    let tape = Tape::open(&path).unwrap();
    println!("opened:  {:.0} commands/s", rate(begin));
    let begin = Instant::now();
    assert_eq!(read_all(&tape).await.0, COMMANDS);
    println!("read:    {:.0} commands/s", rate(begin));
    println!("{:.1} bytes a command", std::fs::metadata(&path).unwrap().len() as f64 / COMMANDS as f64);
}
