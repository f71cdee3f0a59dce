//! What became of all commands together.

use std::{collections::BTreeMap, time::Duration};

use cantus_engine::{Answer, Stats};
use cantus_model::Outcome;
use serde::Serialize;

use crate::{output, render};

/// Codes that are told apart; a guest could make up a new one for each command.
const CODES: usize = 200;
/// Invalid lines that are shown one by one.
const SHOWN: u64 = 20;

/// Commands that ended the same way.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Group {
    count: u64,
    first_line: u64,
    first_message: String,
}

/// Counts while the commands flow.
#[derive(Debug, Default)]
pub(super) struct Tally {
    accepted: u64,
    events: u64,
    duplicates: u64,
    invalid: u64,
    rejected: BTreeMap<String, Group>,
    failed: BTreeMap<String, Group>,
}

impl Tally {
    /// Counts one answer. A repeated command's stored outcome counts like any other, but its events happened before.
    pub(super) fn add(&mut self, line: u64, answer: &Answer) {
        match answer {
            Ok(decided) => {
                self.duplicates += u64::from(decided.duplicate);
                match &decided.outcome {
                    Outcome::Accepted { events } => {
                        self.accepted += 1;
                        self.events += if decided.duplicate { 0 } else { u64::from(*events) };
                    }
                    Outcome::Rejected(rejection) => {
                        count(&mut self.rejected, &rejection.code, line, &rejection.message);
                    }
                }
            }
            Err(error) => count(&mut self.failed, error.code(), line, &error.to_string()),
        }
    }

    /// Counts and reports a line that is no command.
    pub(super) fn add_invalid(&mut self, line: u64, column: usize, message: &str) {
        self.invalid += 1;
        if self.invalid <= SHOWN {
            output::above_progress(|| eprintln!("line {line}, column {column}: {message}"));
        } else if self.invalid == SHOWN + 1 {
            output::above_progress(|| eprintln!("further invalid lines are counted; --outcomes FILE has them all"));
        }
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejected.values().map(|group| group.count).sum()
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed.values().map(|group| group.count).sum()
    }

    pub(super) fn invalid(&self) -> u64 {
        self.invalid
    }

    /// Commands whose decision is durable.
    pub(super) fn acknowledged(&self) -> u64 {
        self.accepted() + self.rejected()
    }

    /// All of it, once it is over.
    pub(super) fn summary(&self, elapsed: Duration, stats: &Stats) -> Summary {
        let commands = self.acknowledged() + self.failed();
        let seconds = elapsed.as_secs_f64();
        Summary {
            commands,
            accepted: self.accepted,
            rejected: self.rejected(),
            rejected_by_code: self.rejected.clone(),
            failed: self.failed(),
            failed_by_code: self.failed.clone(),
            invalid_lines: self.invalid,
            duplicates: self.duplicates,
            events: self.events,
            seconds,
            commands_per_second: if seconds > 0.0 { (commands as f64 / seconds).round() } else { 0.0 },
            batches: Batches::of(stats),
        }
    }
}

fn count(groups: &mut BTreeMap<String, Group>, code: &str, line: u64, message: &str) {
    let code = if groups.len() < CODES || groups.contains_key(code) { code } else { "(other codes)" };
    let group = groups.entry(code.to_owned()).or_insert_with(|| Group {
        count: 0,
        first_line: line,
        first_message: message.to_owned(),
    });
    group.count += 1;
}

/// How many commands shared a transaction.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Batches {
    count: u64,
}

impl Batches {
    fn of(stats: &Stats) -> Self {
        Self { count: stats.batches }
    }
}

/// What `cantus run` says in the end.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    commands: u64,
    accepted: u64,
    rejected: u64,
    rejected_by_code: BTreeMap<String, Group>,
    failed: u64,
    failed_by_code: BTreeMap<String, Group>,
    invalid_lines: u64,
    duplicates: u64,
    events: u64,
    seconds: f64,
    commands_per_second: f64,
    batches: Batches,
}

impl Summary {
    /// For people.
    pub(super) fn text(&self) -> String {
        let mut rows = vec![("accepted", self.accepted, String::new())];
        rows.push(("rejected", self.rejected, String::new()));
        let mut text = String::new();
        for (name, number, note) in rows {
            text.push_str(&format!("{name:<14} {:>12}{note}\n", render::count(number)));
        }
        text
    }
}
