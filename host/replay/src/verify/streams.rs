//! Which streams are run, and in which order: pure.

use std::collections::HashMap;

use cantus_model::{AggregateRef, CommandRecord, Digest};

/// The commands of one stream that are decided again, in the order in which they were recorded.
pub(super) struct StreamCommands {
    pub(super) aggregate: AggregateRef,
    pub(super) records: Vec<CommandRecord>,
}

impl StreamCommands {
    /// The stream version that the first of them was decided on.
    pub(super) fn first_base(&self) -> u64 {
        self.records.first().map_or(0, |record| record.base_version)
    }

    /// Events that have to be read for all of them.
    fn events(&self) -> u64 {
        self.records.last().map_or(0, CommandRecord::version)
    }

    /// Whether `live` decides some of them again, because another component decided those.
    pub(super) fn needs(&self, live: Digest) -> bool {
        self.records.iter().any(|record| record.component != live)
    }
}

/// The streams of `records`, those with few events first: a giant one must not use up the time of all others. Among equals,
/// in the order in which they first occur.
pub(super) fn by_stream(records: Vec<CommandRecord>) -> Vec<StreamCommands> {
    let mut streams: Vec<StreamCommands> = Vec::new();
    let mut index = HashMap::new();
    for record in records {
        let at = *index.entry(record.aggregate.clone()).or_insert_with(|| {
            streams.push(StreamCommands { aggregate: record.aggregate.clone(), records: Vec::new() });
            streams.len() - 1
        });
        streams[at].records.push(record);
    }
    streams.sort_by_key(StreamCommands::events);
    streams
}
