//! Orders the streams of a verification. Pure.

use std::collections::HashMap;

use cantus_model::{AggregateRef, CommandRecord, Digest};

/// The commands of one stream that are decided again, in the order in which they were recorded.
pub(super) struct StreamCommands {
    pub(super) aggregate: AggregateRef,
    pub(super) records: Vec<CommandRecord>,
}

impl StreamCommands {
    /// The stream version on which the first of them was decided.
    pub(super) fn first_base(&self) -> u64 {
        self.records.first().map_or(0, |record| record.base_version)
    }

    /// Count of events that have to be read for all of them.
    fn events(&self) -> u64 {
        self.records.last().map_or(0, CommandRecord::version)
    }

    /// Reports whether `live` decides some of them again, because another component decided those.
    pub(super) fn needs(&self, live: Digest) -> bool {
        self.records.iter().any(|record| record.component != live)
    }
}

/// Groups `records` by stream, those with few events first: a giant stream must not use up the time of all others.
/// Streams of equal length come in the order in which they first occur.
pub(super) fn by_stream(records: Vec<CommandRecord>) -> Vec<StreamCommands> {
    let mut streams: Vec<StreamCommands> = Vec::new();
    let mut index = HashMap::new();
    for record in records {
        let position = *index.entry(record.aggregate.clone()).or_insert_with(|| {
            streams.push(StreamCommands { aggregate: record.aggregate.clone(), records: Vec::new() });
            streams.len() - 1
        });
        streams[position].records.push(record);
    }
    streams.sort_by_key(StreamCommands::events);
    streams
}
