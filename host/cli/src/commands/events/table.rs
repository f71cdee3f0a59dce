//! Tables of events.

use cantus_host::wire::time_text;
use cantus_model::{PageLimit, RecordedEvent};

use crate::render::{self, PayloadLength};

const HEADINGS: [&str; 6] = ["recorded at", "position", "aggregate", "version", "event", "payload"];

/// Collects rows, so that a table may be longer than a page.
pub(super) struct EventTable {
    length: PayloadLength,
    /// Most rows of one table, and most bytes of their payloads.
    limit: PageLimit,
    rows: Vec<Vec<String>>,
    bytes: usize,
}

impl EventTable {
    pub(super) fn new(length: PayloadLength, limit: PageLimit) -> Self {
        Self { length, limit, rows: Vec::new(), bytes: 0 }
    }

    /// Adds an event. Returns the table if it is full.
    pub(super) fn push(&mut self, event: &RecordedEvent) -> Option<String> {
        let row = row(event, self.length);
        self.bytes += row.last().map_or(0, String::len);
        self.rows.push(row);
        let is_full = self.rows.len() >= self.limit.events || self.bytes >= self.limit.bytes;
        is_full.then(|| self.take()).flatten()
    }

    /// Returns the table, unless it is empty.
    pub(super) fn take(&mut self) -> Option<String> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        (!rows.is_empty()).then(|| table(&rows))
    }
}

/// Renders all events as one table.
pub(crate) fn table_text(events: &[RecordedEvent], length: PayloadLength) -> String {
    table(&events.iter().map(|event| row(event, length)).collect::<Vec<_>>())
}

fn table(rows: &[Vec<String>]) -> String {
    render::table(&HEADINGS, &[1, 3], rows)
}

fn row(event: &RecordedEvent, length: PayloadLength) -> Vec<String> {
    vec![
        time_text(event.recorded_at),
        format!("{}:{}", event.position.partition, event.position.offset),
        event.aggregate.to_string(),
        event.version.to_string(),
        match event.event.version {
            1 => event.event.name.clone(),
            version => format!("{} v{version}", event.event.name),
        },
        render::payload_of(&event.event.payload, length),
    ]
}
