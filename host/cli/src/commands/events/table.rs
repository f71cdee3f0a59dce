//! Events for people, in tables.

use cantus_host::wire::time_text;
use cantus_model::{PageLimit, RecordedEvent};

use crate::render::{self, Length};

const HEADINGS: [&str; 6] = ["recorded at", "position", "aggregate", "version", "event", "payload"];

/// Gathers rows, so that a table does not end with each page.
pub(super) struct Table {
    length: Length,
    /// Rows of one table, and bytes of its payloads.
    most: PageLimit,
    rows: Vec<Vec<String>>,
    bytes: usize,
}

impl Table {
    pub(super) fn new(length: Length, most: PageLimit) -> Self {
        Self { length, most, rows: Vec::new(), bytes: 0 }
    }

    /// Adds an event; gives a table whenever there is enough for one.
    pub(super) fn push(&mut self, event: &RecordedEvent) -> Option<String> {
        let row = row(event, self.length);
        self.bytes += row.last().map_or(0, String::len);
        self.rows.push(row);
        let is_full = self.rows.len() >= self.most.events || self.bytes >= self.most.bytes;
        is_full.then(|| self.take()).flatten()
    }

    /// The table of what there is, if there is any.
    pub(super) fn take(&mut self) -> Option<String> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        (!rows.is_empty()).then(|| table(&rows))
    }
}

/// All of them in one table.
pub(crate) fn text(events: &[RecordedEvent], length: Length) -> String {
    table(&events.iter().map(|event| row(event, length)).collect::<Vec<_>>())
}

fn table(rows: &[Vec<String>]) -> String {
    render::table(&HEADINGS, &[1, 3], rows)
}

fn row(event: &RecordedEvent, length: Length) -> Vec<String> {
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
