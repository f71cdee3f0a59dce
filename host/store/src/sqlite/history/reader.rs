//! Reads the pages of a history: commands in the order of their ordinals, each with its events, which are consecutive because one
//! transaction wrote them.

use std::{collections::VecDeque, sync::LazyLock};

use async_trait::async_trait;
use cantus_model::{
    HistoryPage, Message, RecordedCommand,
    ports::{History, StoreError},
};
use rusqlite::{CachedStatement, Connection};

use crate::sqlite::{
    command_row::{EXTRA_COLUMN, StoredCommand, select_commands, unbounded_bytes},
    connection::{Session, read_one_state},
    dictionary::NameDictionary,
    error::{contiguous, explain},
    event_row::{EventColumn, EventDecoder, SELECT_EVENT},
    key::{key, split},
    query::{column, next_row, prepare, query_row},
    reader_pool::run_blocking,
};

/// The limits of a page: commands, and bytes of payloads, contexts and rejections. A larger command comes alone.
const PAGE_COMMANDS: usize = 512;
const PAGE_BYTES: usize = 4 << 20;

/// Commands from an ordinal on, each with its ordinal.
static COMMANDS: LazyLock<String> = LazyLock::new(|| {
    let select = select_commands("temp.history AS h CROSS JOIN command AS c ON c.pk = h.pk", &["h.ordinal"]);
    format!("{select} WHERE h.ordinal > ? ORDER BY h.ordinal LIMIT ?")
});

const STREAM_OF: &str = "SELECT stream FROM temp.history WHERE ordinal = ?";

static EVENTS: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE e.pk >= ? AND e.pk < ? ORDER BY e.pk", *SELECT_EVENT));

/// Reads a history page by page.
pub(super) struct HistoryReader {
    /// `None` while a page is being read, and after a page that could not be read.
    cursor: Option<HistoryCursor>,
    commands: u64,
}

struct HistoryCursor {
    session: Session,
    decoder: EventDecoder,
    /// Number of commands of the history, and number of those that were read.
    commands: u64,
    read: u64,
    /// The stream that was read last, and its version after the last command.
    last_stream: (i64, u64),
    ready: VecDeque<HistoryPage>,
}

#[async_trait]
impl History for HistoryReader {
    fn commands(&self) -> Option<u64> {
        Some(self.commands)
    }

    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError> {
        let Some(mut cursor) = self.cursor.take() else {
            return Err(StoreError::Other(
                "an earlier page could not be read: read the history from its beginning".into(),
            ));
        };
        if cursor.ready.is_empty() && cursor.read < cursor.commands {
            cursor = run_blocking(move || cursor.read_pages().map(|()| cursor)).await?;
        }
        let page = cursor.ready.pop_front();
        self.cursor = Some(cursor);
        Ok(page)
    }
}

impl HistoryReader {
    /// Creates a reader of the `commands` that `temp.history` of the connection lists.
    pub(super) fn new(session: Session, commands: u64) -> Self {
        let (decoder, ready) = (EventDecoder::default(), VecDeque::new());
        let cursor = HistoryCursor { session, decoder, commands, read: 0, last_stream: (0, 0), ready };
        Self { cursor: Some(cursor), commands }
    }
}

impl HistoryCursor {
    fn read_pages(&mut self) -> Result<(), StoreError> {
        let Self { session, decoder, commands, read, last_stream, ready } = self;
        read_one_state(session, |Session { connection, dictionary, canonical, .. }| {
            let mut statement = prepare(connection, &COMMANDS)?;
            let mut events = prepare(connection, &EVENTS)?;
            let mut rows = statement.query((*read, PAGE_COMMANDS)).map_err(explain)?;
            let (mut bytes, before) = (0, *read);
            while bytes < PAGE_BYTES
                && let Some(row) = next_row(&mut rows)?
            {
                contiguous(*read + 1, column(row, EXTRA_COLUMN)?, || "command of a history".into())?;
                let stored = StoredCommand::read(row, connection, dictionary, canonical)?;
                let (pk, stream) = (stored.pk, stored.stream);
                let mut command = RecordedCommand { record: stored.into_record()?, events: Vec::new() };
                *last_stream = follow(*last_stream, stream, &command)?;
                if let Some(first) = command.record.first_offset {
                    let keys = (pk, stream, first);
                    command.events = read_events(&mut events, (connection, dictionary), decoder, keys, &command)?;
                }
                *read += 1;
                bytes += unbounded_bytes(row) + command.events.iter().map(|event| event.payload.len()).sum::<usize>();
                let ends_stream = read == commands || stream_of(connection, *read + 1)? != stream;
                add_to_pages(ready, command, ends_stream);
            }
            match *read == before {
                true => Err(StoreError::Corrupt(format!("a command or its stream is missing after {read} were read"))),
                false => Ok(()),
            }
        })
    }
}

fn stream_of(connection: &Connection, ordinal: u64) -> Result<i64, StoreError> {
    query_row(connection, STREAM_OF, [ordinal], |row| row.get(0))
}

/// Adds a command to the last page, or to a new one if the stream of that page has ended.
fn add_to_pages(pages: &mut VecDeque<HistoryPage>, command: RecordedCommand, ends_stream: bool) {
    match pages.back_mut().filter(|page| !page.last) {
        Some(page) => {
            page.commands.push(command);
            page.last = ends_stream;
        }
        None => {
            let aggregate = command.record.aggregate.clone();
            pages.push_back(HistoryPage { aggregate, commands: vec![command], last: ends_stream });
        }
    }
}

/// Checks that a command has the version of its stream as its base. Returns the stream with its version after the command.
fn follow(
    (last_stream, version): (i64, u64),
    stream: i64,
    RecordedCommand { record, .. }: &RecordedCommand,
) -> Result<(i64, u64), StoreError> {
    let expected = if last_stream == stream { version } else { 0 };
    match record.base_version == expected {
        true => Ok((stream, record.version())),
        false => Err(StoreError::Corrupt(format!(
            "a command of {} before {} is missing: it stands on version {}, the one before it leads to {expected}",
            record.aggregate, record.context.command_id, record.base_version
        ))),
    }
}

/// Reads the events of a command, which must be the next ones of its stream.
fn read_events(
    statement: &mut CachedStatement<'_>,
    (connection, dictionary): (&Connection, &mut NameDictionary),
    decoder: &mut EventDecoder,
    (pk, stream, first): (i64, i64, u64),
    command: &RecordedCommand,
) -> Result<Vec<Message>, StoreError> {
    let record = &command.record;
    let (partition, count) = (split(pk).0, record.version() - record.base_version);
    let mut rows = statement.query((key(partition, first)?, key(partition, first + count)?)).map_err(explain)?;
    let mut events = Vec::new();
    for version in record.base_version + 1..=record.version() {
        let missing = || {
            let (aggregate, id) = (&record.aggregate, &record.context.command_id);
            StoreError::Corrupt(format!("version {version} of {aggregate} is missing, an event of command {id}"))
        };
        let row = next_row(&mut rows)?.ok_or_else(missing)?;
        let stored_version: u64 = EventColumn::Version.read(row)?;
        let owners: (i64, i64) = (EventColumn::Command.read(row)?, EventColumn::Stream.read(row)?);
        if (stored_version, owners) != (version, (pk, stream)) {
            return Err(missing());
        }
        events.push(decoder.decode(row, connection, dictionary, &record.aggregate)?.to_message());
    }
    Ok(events)
}
