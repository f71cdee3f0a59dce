//! Recorded history: a copy of the selected streams, in pages.

use std::{collections::HashMap, vec};

use async_trait::async_trait;
use cantus_model::{
    CommandRecord, HistoryPage, HistoryQuery, RecordedCommand,
    ports::{History, HistorySource, StoreError},
};

use super::{MemoryPartition, MemoryStore, to_index};

/// Commands of one page.
const PAGE_COMMANDS: usize = 512;

#[async_trait]
impl HistorySource for MemoryStore {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        let data = self.lock();
        let streams: Vec<_> = data.partitions.iter().flat_map(|partition| partition.select_streams(query)).collect();
        let pages: Vec<_> = streams.iter().flat_map(|stream| divide_into_pages(stream)).collect();
        Ok(Box::new(HistoryCopy {
            commands: streams.iter().map(|stream| stream.len() as u64).sum(),
            pages: pages.into_iter(),
        }))
    }
}

impl MemoryPartition {
    /// Returns the commands of each selected stream, the streams in the order in which they began.
    fn select_streams(&self, query: &HistoryQuery) -> Vec<Vec<RecordedCommand>> {
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
        let first = record.first_offset.map_or(0, to_index);
        let count = to_index(record.version() - record.base_version);
        let events = self.log[first..first + count].iter().map(|recorded| recorded.event.clone()).collect();
        RecordedCommand { record: record.clone(), events }
    }
}

fn divide_into_pages(stream: &[RecordedCommand]) -> impl Iterator<Item = HistoryPage> {
    let pages = stream.len().div_ceil(PAGE_COMMANDS);
    (1..).zip(stream.chunks(PAGE_COMMANDS)).map(move |(page, commands)| HistoryPage {
        aggregate: commands[0].record.aggregate.clone(),
        commands: commands.to_vec(),
        last: page == pages,
    })
}

/// A copy of the selected streams as they were when it was made.
struct HistoryCopy {
    commands: u64,
    pages: vec::IntoIter<HistoryPage>,
}

#[async_trait]
impl History for HistoryCopy {
    fn commands(&self) -> Option<u64> {
        Some(self.commands)
    }

    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError> {
        Ok(self.pages.next())
    }
}
