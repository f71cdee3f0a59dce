//! Recorded history in the order in which a replay runs it: whole streams, one after another, each command with its
//! events.

use serde::{Deserialize, Serialize};

use crate::{AggregateRef, CommandRecord, Digest, EventBatch, Message};

/// A recorded command with the events that it produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedCommand {
    /// The command, its outcome and the component that decided.
    pub record: CommandRecord,
    /// The events, in order; none for a rejection.
    pub events: Vec<Message>,
}

/// Consecutive commands of one stream, in the order in which they were recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// The aggregate of the stream.
    pub aggregate: AggregateRef,
    /// The commands.
    pub commands: Vec<RecordedCommand>,
    /// It is the stream's last page.
    pub last: bool,
}

impl HistoryPage {
    /// Bytes of the payloads of all commands and events.
    pub fn bytes(&self) -> usize {
        let events = |command: &RecordedCommand| command.events.iter().map(|event| event.payload.len()).sum::<usize>();
        self.commands.iter().map(|command| command.record.command.payload.len() + events(command)).sum()
    }

    /// Collects the events of all commands.
    pub fn events(&self) -> EventBatch {
        self.commands.iter().flat_map(|command| &command.events).collect()
    }
}

/// Selects the streams to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Only streams of these aggregate types; of all, if empty.
    pub aggregate_types: Vec<String>,
    /// Only this aggregate's stream.
    pub aggregate: Option<AggregateRef>,
    /// Only some of the streams.
    pub sample: Option<StreamSample>,
}

/// A share of all streams. It depends on their names alone, so every copy of a log gives the same share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSample {
    /// Another seed chooses other streams.
    pub seed: u64,
    /// Approximate count of streams out of a million.
    pub per_million: u32,
}

impl HistoryQuery {
    /// Reports whether the query selects a stream.
    pub fn selects(&self, aggregate: &AggregateRef) -> bool {
        (self.aggregate_types.is_empty() || self.aggregate_types.contains(&aggregate.aggregate_type))
            && self.aggregate.as_ref().is_none_or(|only| only == aggregate)
            && self.sample.is_none_or(|sample| sample.selects(aggregate))
    }
}

impl StreamSample {
    /// Reports whether a stream belongs to the sample.
    pub fn selects(self, aggregate: &AggregateRef) -> bool {
        let seed = self.seed.to_le_bytes();
        let hash = Digest::of_parts([seed.as_slice(), aggregate.aggregate_type.as_bytes(), aggregate.id.as_bytes()]);
        hash.seed() % 1_000_000 < u64::from(self.per_million)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_about_its_share_and_depends_on_its_seed() {
        let chosen = |seed| -> Vec<u32> {
            let sample = StreamSample { seed, per_million: 100_000 };
            (0..10_000).filter(|id| sample.selects(&AggregateRef::new("A", id.to_string()))).collect()
        };
        assert!((900..1_100).contains(&chosen(1).len()), "{}", chosen(1).len());
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
    }
}
