//! The pages of a reading: commands in the order of their ordinals, each with its events, which are consecutive because one
//! transaction wrote them.

use std::{collections::VecDeque, sync::LazyLock};

use async_trait::async_trait;
use cantus_model::{
    HistoryPage, Message, RecordedCommand,
    ports::{History, StoreError},
};
use rusqlite::{CachedStatement, Connection};

use crate::sqlite::{
    connection::{Session, prepare, run},
    error::{contiguous, explain},
    key::{key, split},
    readers::blocking,
    rows::{EventDecoder, SELECT_COMMAND, SELECT_EVENT, StoredCommand, column, command_bytes},
};

/// Commands of a page.
const COMMANDS: usize = 512;
/// Bytes of payloads, contexts and rejections after which a page ends; a larger command comes alone.
const BYTES: usize = 4 << 20;

/// The columns of the ordinal stand behind those of the command.
static COMMANDS_FROM: LazyLock<String> = LazyLock::new(|| {
    let select = SELECT_COMMAND.replacen(
        " FROM command AS c",
        ", h.ordinal FROM temp.history AS h CROSS JOIN command AS c ON c.pk = h.pk",
        1,
    );
    format!("{select} WHERE h.ordinal > ? ORDER BY h.ordinal LIMIT ?")
});
const ORDINAL: usize = 16;

/// The stream of the next command.
const NEXT: &str = "SELECT stream FROM temp.history WHERE ordinal = ?";

static EVENTS: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE e.pk >= ? AND e.pk < ? ORDER BY e.pk", *SELECT_EVENT));

/// A reading under way.
pub(super) struct Reading {
    /// `None` while a page is being read, and after one that failed.
    state: Option<State>,
    commands: u64,
}

struct State {
    session: Session,
    decoder: EventDecoder,
    /// How many commands there are, and how many of them were read.
    commands: u64,
    read: u64,
    /// The stream that was read last, and the version it had come to.
    reached: (i64, u64),
    ready: VecDeque<HistoryPage>,
}

#[async_trait]
impl History for Reading {
    fn commands(&self) -> Option<u64> {
        Some(self.commands)
    }

    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError> {
        let Some(mut state) = self.state.take() else {
            return Err(StoreError::Other("the reading failed before".into()));
        };
        if state.ready.is_empty() && state.read < state.commands {
            state = blocking(move || state.read_pages().map(|()| state)).await?;
        }
        let page = state.ready.pop_front();
        self.state = Some(state);
        Ok(page)
    }
}

impl Reading {
    /// Over the `commands` that `temp.history` of the connection names.
    pub(super) fn new(session: Session, commands: u64) -> Self {
        let (decoder, ready) = (EventDecoder::default(), VecDeque::new());
        Self { state: Some(State { session, decoder, commands, read: 0, reached: (0, 0), ready }), commands }
    }
}

impl State {
    fn read_pages(&mut self) -> Result<(), StoreError> {
        run(&self.session.connection, "BEGIN")?;
        let read = self.read_commands();
        run(&self.session.connection, "COMMIT")?;
        read
    }

    fn read_commands(&mut self) -> Result<(), StoreError> {
        let Self { session: Session { connection, names, canonical, .. }, decoder, .. } = self;
        let mut commands = prepare(connection, &COMMANDS_FROM)?;
        let mut events = prepare(connection, &EVENTS)?;
        let mut rows = commands.query((self.read, COMMANDS)).map_err(explain)?;
        let (mut bytes, mut count) = (0, 0);
        while bytes < BYTES
            && let Some(row) = rows.next().map_err(explain)?
        {
            contiguous(self.read + 1, column(row, ORDINAL)?, || "command of a history".into())?;
            let stored = StoredCommand::read(row, connection, names, canonical)?;
            let (pk, stream) = (stored.pk, stored.stream);
            let mut command = RecordedCommand { record: stored.intact()?, events: Vec::new() };
            self.reached = follow(self.reached, stream, &command)?;
            if let Some(first) = command.record.first_offset {
                command.events = read_events(&mut events, connection, names, decoder, ((pk, stream), first, &command))?;
            }
            self.read += 1;
            count += 1;
            bytes += command_bytes(row) + command.events.iter().map(|event| event.payload.len()).sum::<usize>();
            let last = self.read == self.commands || next_stream(connection, self.read + 1)? != stream;
            turn(&mut self.ready, command, last);
        }
        match count {
            0 => Err(StoreError::Corrupt(format!("a command or its stream is missing after {} were read", self.read))),
            _ => Ok(()),
        }
    }
}

fn next_stream(connection: &Connection, ordinal: u64) -> Result<i64, StoreError> {
    prepare(connection, NEXT)?.query_row([ordinal], |row| row.get(0)).map_err(explain)
}

/// Adds a command to the last page, or to a new one. `last` says that it is its stream's last one.
fn turn(pages: &mut VecDeque<HistoryPage>, command: RecordedCommand, last: bool) {
    match pages.back_mut().filter(|page| !page.last) {
        Some(page) => {
            page.commands.push(command);
            page.last = last;
        }
        None => {
            pages.push_back(HistoryPage { aggregate: command.record.aggregate.clone(), commands: vec![command], last });
        }
    }
}

/// Checks that a command stands where its stream had come to, and says where that is now.
fn follow(
    (reached, version): (i64, u64),
    stream: i64,
    RecordedCommand { record, .. }: &RecordedCommand,
) -> Result<(i64, u64), StoreError> {
    let expected = if reached == stream { version } else { 0 };
    match record.base_version == expected {
        true => Ok((stream, record.version())),
        false => Err(StoreError::Corrupt(format!(
            "a command of {} before {} is missing: it stands on version {}, the one before it leads to {expected}",
            record.aggregate, record.context.command_id, record.base_version
        ))),
    }
}

/// The events of a command, which must be the next ones of its stream.
fn read_events(
    statement: &mut CachedStatement<'_>,
    connection: &Connection,
    names: &mut crate::sqlite::names::Names,
    decoder: &mut EventDecoder,
    ((pk, stream), first, command): ((i64, i64), u64, &RecordedCommand),
) -> Result<Vec<Message>, StoreError> {
    let record = &command.record;
    let (partition, count) = (split(pk).0, record.version() - record.base_version);
    let mut rows = statement.query((key(partition, first)?, key(partition, first + count)?)).map_err(explain)?;
    let mut events = Vec::new();
    for version in record.base_version + 1..=record.version() {
        let misses = || {
            let (aggregate, id) = (&record.aggregate, &record.context.command_id);
            StoreError::Corrupt(format!("version {version} of {aggregate} is missing, an event of command {id}"))
        };
        let row = rows.next().map_err(explain)?.ok_or_else(misses)?;
        let (found, of) = (column::<u64>(row, 1)?, (column::<i64>(row, 5)?, column::<i64>(row, 7)?));
        if (found, of) != (version, (pk, stream)) {
            return Err(misses());
        }
        events.push(decoder.intact(row, connection, names, &record.aggregate)?.to_message());
    }
    Ok(events)
}
