//! A small history, and functions that write and read tapes.

use cantus_model::{
    AggregateRef, Command, CommandRecord, Context, Digest, HistoryPage, HistoryQuery, Message, Outcome,
    RecordedCommand, Rejection, Timestamp,
    ports::{HistorySource, StoreError},
};
use cantus_store::tape::{Redactor, Tape, TapeComponent, TapeError, TapeSummary, TapeWriter};
use tempfile::TempDir;

/// A stream, from its first command to its last.
pub(crate) type Stream = (AggregateRef, Vec<RecordedCommand>);

pub(crate) fn pages(streams: &[Stream], page: usize) -> Vec<HistoryPage> {
    let pages = streams.iter().flat_map(|(aggregate, commands)| {
        let count = commands.len().div_ceil(page);
        let commands = move |at: usize| commands.iter().skip(at * page).take(page).cloned().collect();
        let aggregate = aggregate.clone();
        (0..count).map(move |at| HistoryPage {
            aggregate: aggregate.clone(),
            commands: commands(at),
            last: at + 1 == count,
        })
    });
    pages.collect()
}

pub(crate) fn write(
    pages: Vec<HistoryPage>,
    components: &[TapeComponent],
    redactor: Option<Redactor>,
) -> Result<(Vec<u8>, TapeSummary), TapeError> {
    let mut writer = TapeWriter::new(vec![], &HistoryQuery::default(), components, redactor)?;
    pages.into_iter().try_for_each(|page| writer.write(page))?;
    writer.finish()
}

pub(crate) fn write_tape(streams: &[Stream]) -> Vec<u8> {
    write(pages(streams, 7), &[], None).unwrap().0
}

/// A folder with one tape, which each call of `open` replaces.
pub(crate) struct TapeFolder(TempDir);

impl TapeFolder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn open(&self, bytes: &[u8]) -> Result<Tape, TapeError> {
        let path = self.0.path().join("history.tape");
        std::fs::write(&path, bytes).unwrap();
        Tape::open(&path)
    }
}

pub(crate) async fn read(tape: &Tape, query: &HistoryQuery) -> Result<Vec<Stream>, StoreError> {
    let (mut streams, mut open) = (vec![], None::<Stream>);
    let mut history = tape.history(query).await?;
    while let Some(page) = history.next_page().await? {
        let (aggregate, commands) = open.get_or_insert_with(|| (page.aggregate.clone(), vec![]));
        assert_eq!(*aggregate, page.aggregate);
        assert!(!page.commands.is_empty());
        commands.extend(page.commands);
        if page.last {
            streams.extend(open.take());
        }
    }
    assert!(open.is_none());
    Ok(streams)
}

pub(crate) fn read_all(bytes: &[u8]) -> Vec<Stream> {
    let (folder, runtime) = (TapeFolder::new(), tokio::runtime::Builder::new_current_thread().build().unwrap());
    let tape = folder.open(bytes).unwrap();
    let streams = runtime.block_on(read(&tape, &HistoryQuery::default())).unwrap();
    let commands = || streams.iter().flat_map(|(_, commands)| commands);
    assert_eq!(tape.totals().streams, streams.len() as u64);
    assert_eq!(tape.totals().commands, commands().count() as u64);
    assert_eq!(tape.totals().events, commands().map(|command| command.events.len() as u64).sum::<u64>());
    streams
}

pub(crate) fn plain(
    of: &AggregateRef,
    base: u64,
    id: &str,
    now: u64,
    payload: Vec<u8>,
    events: Vec<Message>,
) -> RecordedCommand {
    let context = Context {
        command_id: id.into(),
        now: Timestamp(now),
        seed: Command::seed_of(id),
        correlation_id: id.into(),
        causation_id: None,
        actor: Some("UA".into()),
        metadata: vec![],
    };
    let record = CommandRecord {
        request_hash: Command::hash_of(of, "Open", Some(1), &payload, None),
        aggregate: of.clone(),
        base_version: base,
        command: Message { name: "Open".into(), version: 1, payload },
        context,
        outcome: Outcome::Accepted { events: events.len() as u32 },
        first_offset: (!events.is_empty()).then_some(now),
        component: Digest::of(b"bank"),
    };
    RecordedCommand { record, events }
}

/// Returns two streams; one has a rejection.
pub(crate) fn small() -> Vec<Stream> {
    let of = |id| AggregateRef::new("Account", id);
    let event = |text: &str| Message { name: "Opened".into(), version: 2, payload: text.into() };
    let command = |of: &AggregateRef, base, id: &str, now, events| {
        plain(of, base, id, now, format!(r#"{{"owner":"Ada","n":{now}}}"#).into_bytes(), events)
    };
    let (a, b) = (of("a"), of("b"));
    let mut no = command(&a, 2, "c-2", 9, vec![]);
    let detail = Some(br#"{"owner":"Ada","lacks":3}"#.to_vec());
    let rejection = Rejection { code: "poor".into(), message: "Ada lacks 3".into(), detail };
    no.record.outcome = Outcome::Rejected(rejection);
    vec![
        (a.clone(), vec![command(&a, 0, "c-1", 5, vec![event(r#"{"owner":"Ada"}"#), event(r#"{"owner":null}"#)]), no]),
        (b.clone(), vec![command(&b, 0, "b/1", 7, vec![event("{}")])]),
    ]
}

pub(crate) fn components() -> Vec<TapeComponent> {
    let component = |bytes: &[u8], is_here: bool| TapeComponent {
        digest: Digest::of(bytes),
        plugin: "bank".into(),
        version: format!("1.{}.0", bytes.len()),
        bytes: is_here.then(|| bytes.to_vec()),
    };
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(n) >> 8) as u8).collect();
    vec![component(b"one", true), component(b"another", false), component(&large, true), component(b"", true)]
}
