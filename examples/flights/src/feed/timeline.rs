//! The reports of all rows, in the order of time.

use cantus_sdk::Timestamp;

use super::{CommandLine, row::Row, step::Step};

/// A table's commands, in the order of time.
pub struct Timeline {
    rows: Vec<Row>,
    moments: Vec<Moment>,
}

/// One step of one row. Sorts by time, then by step, then as in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    at: Timestamp,
    step: Step,
    row: usize,
}

impl Timeline {
    pub(super) fn new(rows: Vec<Row>) -> Self {
        let mut moments = Vec::with_capacity(rows.len() * 5);
        for (index, row) in rows.iter().enumerate() {
            moments.extend(row.steps().map(|(at, step)| Moment { at, step, row: index }));
        }
        moments.sort_unstable();
        Self { rows, moments }
    }

    /// Counts the commands.
    pub fn len(&self) -> usize {
        self.moments.len()
    }

    /// Is the table empty?
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// The commands. An error means that one does not encode as JSON.
    pub fn commands(&self) -> impl Iterator<Item = Result<CommandLine, serde_json::Error>> {
        self.moments.iter().filter_map(|moment| moment.step.command(self.rows.get(moment.row)?).transpose())
    }
}
