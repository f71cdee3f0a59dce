//! What was recorded, to be executed again.

use std::{collections::HashMap, vec};

use async_trait::async_trait;
use cantus_model::{
    CommandRecord, HistoryPage, HistoryQuery, RecordedCommand,
    ports::{History, HistorySource, StoreError},
};

use super::{MemoryStore, Partition, index};

/// Commands of one page.
const PAGE: usize = 512;

#[async_trait]
impl HistorySource for MemoryStore {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        let contents = self.contents();
        let streams: Vec<_> = contents.partitions.iter().flat_map(|partition| partition.history(query)).collect();
        let pages: Vec<_> = streams.iter().flat_map(|stream| paged(stream)).collect();
        Ok(Box::new(Copied {
            commands: streams.iter().map(|stream| stream.len() as u64).sum(),
            pages: pages.into_iter(),
        }))
    }
}

impl Partition {
    /// The commands of each stream, the streams in the order in which they began.
    fn history(&self, query: &HistoryQuery) -> Vec<Vec<RecordedCommand>> {
        let mut streams: Vec<Vec<RecordedCommand>> = vec![];
        let mut indexes = HashMap::new();
        for record in self.journal.iter().filter(|record| query.selects(&record.aggregate)) {
            let index = *indexes.entry(&record.aggregate).or_insert(streams.len());
            if index == streams.len() {
                streams.push(vec![]);
            }
            streams[index].push(self.with_events(record));
        }
        streams
    }

    fn with_events(&self, record: &CommandRecord) -> RecordedCommand {
        let first = record.first_offset.map_or(0, index);
        let count = index(record.version() - record.base_version);
        let events = self.log[first..first + count].iter().map(|recorded| recorded.event.clone()).collect();
        RecordedCommand { record: record.clone(), events }
    }
}

fn paged(stream: &[RecordedCommand]) -> impl Iterator<Item = HistoryPage> {
    let pages = stream.len().div_ceil(PAGE);
    (1..).zip(stream.chunks(PAGE)).map(move |(page, commands)| HistoryPage {
        aggregate: commands[0].record.aggregate.clone(),
        commands: commands.to_vec(),
        last: page == pages,
    })
}

/// A copy of everything, as it stood.
struct Copied {
    commands: u64,
    pages: vec::IntoIter<HistoryPage>,
}

#[async_trait]
impl History for Copied {
    fn commands(&self) -> Option<u64> {
        Some(self.commands)
    }

    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError> {
        Ok(self.pages.next())
    }
}
