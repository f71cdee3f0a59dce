//! The pages of a reading: commands in the order of their places, then the events of each by their offsets, which are
//! consecutive because one transaction wrote them.

use std::collections::VecDeque;

use async_trait::async_trait;
use cantus_model::{
    CommandRecord, HistoryPage, RecordedCommand,
    ports::{History, StoreError},
};
use sqlx::SqliteConnection;

use super::packed::{self, Event};
use crate::sqlite::{reader::contiguous, rows::bound};

/// Commands that are fetched at once; a page has no more.
const COMMANDS: u64 = 512;

/// A reading under way.
pub(super) struct Reading {
    connection: SqliteConnection,
    /// How many there are, and how many of them were fetched.
    commands: u64,
    fetched: u64,
    /// How many to fetch at once: fewer where they are large.
    at_once: u64,
    /// The stream that was fetched last, and the version it had come to.
    reached: (i64, u64),
    /// Commands that were fetched and miss their events.
    waiting: VecDeque<Fetched>,
    ready: VecDeque<HistoryPage>,
}

struct Fetched {
    stream_pk: i64,
    pk: i64,
    /// Whether it is its stream's last command.
    last: bool,
    command: RecordedCommand,
}

#[async_trait]
impl History for Reading {
    fn commands(&self) -> Option<u64> {
        Some(self.commands)
    }

    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError> {
        if self.ready.is_empty() {
            if self.waiting.is_empty() {
                self.fetch_commands().await?;
            }
            self.fetch_events().await?;
        }
        Ok(self.ready.pop_front())
    }
}

impl Reading {
    /// Over the `commands` that `temp.history` of the connection names.
    pub(super) fn new(connection: SqliteConnection, commands: u64) -> Self {
        let (waiting, ready) = (VecDeque::new(), VecDeque::new());
        Self { connection, commands, fetched: 0, at_once: COMMANDS, reached: (0, 0), waiting, ready }
    }

    async fn fetch_commands(&mut self) -> Result<(), StoreError> {
        while self.waiting.is_empty() && self.fetched < self.commands {
            let to = self.commands.min(self.fetched + self.at_once);
            let Some((commands, behind)) = packed::commands(&mut self.connection, self.fetched, to).await? else {
                self.at_once = (to - self.fetched).div_ceil(2);
                continue;
            };
            let next: Vec<_> = commands.iter().skip(1).map(|command| Some(command.stream_pk)).chain([behind]).collect();
            for (command, next) in commands.into_iter().zip(next) {
                contiguous(self.fetched + 1, command.place, || "command of a history".into())?;
                self.fetched += 1;
                let fetched = Fetched::new(command, next)?;
                self.reached = fetched.follow(self.reached)?;
                self.waiting.push_back(fetched);
            }
            if self.fetched < to {
                return Err(StoreError::Corrupt(format!(
                    "a command or its stream is missing: {} of {to} were read",
                    self.fetched
                )));
            }
            self.at_once = COMMANDS.min(self.at_once * 2);
        }
        Ok(())
    }

    async fn fetch_events(&mut self) -> Result<(), StoreError> {
        let mut count = self.waiting.len().min(self.at_once as usize);
        let events = loop {
            let offsets: Vec<_> = self.waiting.iter().take(count).filter_map(Fetched::offsets).collect();
            match packed::events(&mut self.connection, &offsets).await? {
                Some(events) => break events,
                None => count = count.div_ceil(2),
            }
        };
        self.at_once = count as u64;
        let mut events = events.into_iter();
        for mut fetched in self.waiting.drain(..count) {
            fetched.take(&mut events)?;
            turn(&mut self.ready, fetched);
        }
        Ok(())
    }
}

/// Adds a command to the last page, or to a new one.
fn turn(pages: &mut VecDeque<HistoryPage>, Fetched { last, command, .. }: Fetched) {
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

impl Fetched {
    /// A command before one of the stream `next`.
    fn new(command: packed::Command, next: Option<i64>) -> Result<Self, StoreError> {
        let (stream_pk, pk) = (command.stream_pk, command.pk);
        Ok(Self { stream_pk, pk, last: next != Some(stream_pk), command: command.into_recorded()? })
    }

    fn record(&self) -> &CommandRecord {
        &self.command.record
    }

    /// Where its events are and how many, if it has any.
    fn offsets(&self) -> Option<(i64, i64)> {
        let record = self.record();
        Some((bound(record.first_offset?), bound(record.version() - record.base_version)))
    }

    /// Checks that it stands where the stream had come to, and says where that is now.
    fn follow(&self, (stream_pk, version): (i64, u64)) -> Result<(i64, u64), StoreError> {
        let record = self.record();
        let expected = if stream_pk == self.stream_pk { version } else { 0 };
        match record.base_version == expected {
            true => Ok((self.stream_pk, record.version())),
            false => Err(StoreError::Corrupt(format!(
                "a command of {} before {} is missing: it stands on version {}, the one before it leads to {expected}",
                record.aggregate, record.context.command_id, record.base_version
            ))),
        }
    }

    /// Takes its events, which must be the next ones.
    fn take(&mut self, events: &mut impl Iterator<Item = Event>) -> Result<(), StoreError> {
        for version in self.record().base_version + 1..=self.record().version() {
            let own = |event: &Event| {
                (event.stream_pk, event.command_pk, event.version) == (self.stream_pk, self.pk, version)
            };
            match events.next().filter(own) {
                Some(event) => self.command.events.push(event.into_message()),
                None => return Err(self.misses(version)),
            }
        }
        Ok(())
    }

    fn misses(&self, version: u64) -> StoreError {
        let (aggregate, id) = (&self.record().aggregate, &self.record().context.command_id);
        StoreError::Corrupt(format!("version {version} of {aggregate} is missing, an event of command {id}"))
    }
}
