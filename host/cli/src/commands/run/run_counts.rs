//! The counts of all commands of a run, and the summary at its end.

use std::{collections::BTreeMap, time::Duration};

use cantus_engine::Stats;
use cantus_model::{Answer, Outcome};
use serde::Serialize;

use crate::{output, render};

/// Most codes that are counted separately, because a guest could return a new code for each command.
const MAX_CODES: usize = 200;
/// Most invalid lines that are reported one by one.
const MAX_REPORTED_LINES: u64 = 20;
/// Most codes in the text of the summary.
const MAX_CODES_IN_TEXT: usize = 20;

/// The commands with the same code.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct CodeCount {
    count: u64,
    first_line: u64,
    first_message: String,
}

/// The counts of the commands so far.
#[derive(Debug, Default)]
pub(super) struct RunCounts {
    accepted: u64,
    events: u64,
    duplicates: u64,
    invalid: u64,
    rejected: BTreeMap<String, CodeCount>,
    failed: BTreeMap<String, CodeCount>,
}

impl RunCounts {
    /// Counts an answer. The stored outcome of a duplicate counts like any other, but its events are not new.
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

    /// Counts and reports a line that is not a command.
    pub(super) fn add_invalid(&mut self, line: u64, column: usize, message: &str) {
        self.invalid += 1;
        if self.invalid <= MAX_REPORTED_LINES {
            let message = render::message(message);
            output::above_progress(|| eprintln!("line {line}, column {column}: {message}"));
        } else if self.invalid == MAX_REPORTED_LINES + 1 {
            output::above_progress(|| {
                eprintln!("more invalid lines are only counted here; --outcomes FILE lists all of them")
            });
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

    /// The count of commands whose decision is durable.
    pub(super) fn acknowledged(&self) -> u64 {
        self.accepted() + self.rejected()
    }

    /// Returns the summary of the run.
    pub(super) fn summary(&self, elapsed: Duration, stats: &Stats) -> RunSummary {
        let commands = self.acknowledged() + self.failed();
        let seconds = elapsed.as_secs_f64();
        RunSummary {
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
            batches: BatchSizes::new(stats),
        }
    }
}

fn count(groups: &mut BTreeMap<String, CodeCount>, code: &str, line: u64, message: &str) {
    let code = if groups.len() < MAX_CODES || groups.contains_key(code) { code } else { "(other codes)" };
    let group = groups.entry(code.to_owned()).or_insert_with(|| CodeCount {
        count: 0,
        first_line: line,
        first_message: message.to_owned(),
    });
    group.count += 1;
}

/// The count of batches, and the commands in one batch.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct BatchSizes {
    count: u64,
    median: usize,
    largest: usize,
}

impl BatchSizes {
    fn new(stats: &Stats) -> Self {
        let (median, largest) = stats.batch_sizes();
        Self { count: stats.batches.values().sum(), median, largest }
    }
}

/// The summary of `cantus run`.
#[derive(Debug, Serialize)]
pub(super) struct RunSummary {
    commands: u64,
    accepted: u64,
    rejected: u64,
    rejected_by_code: BTreeMap<String, CodeCount>,
    failed: u64,
    failed_by_code: BTreeMap<String, CodeCount>,
    invalid_lines: u64,
    duplicates: u64,
    events: u64,
    seconds: f64,
    commands_per_second: f64,
    batches: BatchSizes,
}

impl RunSummary {
    /// Renders the summary for people.
    pub(super) fn text(&self) -> String {
        let BatchSizes { count, median, largest } = self.batches;
        let commands = counted(self.commands, "command");
        let speed = render::count(self.commands_per_second as u64);
        let mut text = format!("{commands} in {:.2} s: {speed} a second\n", self.seconds);
        text.push_str(&row("accepted", self.accepted, &counted(self.events, "event")));
        text.push_str(&row("rejected", self.rejected, ""));
        text.push_str(&codes_text(&self.rejected_by_code));
        if self.failed > 0 {
            text.push_str(&row("failed", self.failed, "not recorded; they may be sent again with the same ids"));
            text.push_str(&codes_text(&self.failed_by_code));
        }
        if self.invalid_lines > 0 {
            text.push_str(&row("invalid lines", self.invalid_lines, "skipped"));
        }
        if self.duplicates > 0 {
            text.push_str(&row("duplicates", self.duplicates, "answered with the stored outcome, and counted above"));
        }
        if count > 0 {
            text.push_str(&row("batches", count, &format!("median {median}, largest {largest} commands")));
        }
        text
    }
}

fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", render::count(number), if number == 1 { "" } else { "s" })
}

fn row(name: &str, number: u64, note: &str) -> String {
    let line = format!("  {name:<14}{:>11}  {note}", render::count(number));
    format!("{}\n", line.trim_end())
}

/// Renders the most frequent codes first, each with its first message.
fn codes_text(groups: &BTreeMap<String, CodeCount>) -> String {
    let mut groups: Vec<_> = groups.iter().collect();
    groups.sort_by_key(|(code, group)| (std::cmp::Reverse(group.count), *code));
    let line = |(code, group): &(&String, &CodeCount)| {
        let CodeCount { count, first_line, first_message } = group;
        let (code, message) = (render::message(code), render::message(first_message));
        format!("{:>27}  {code} (line {first_line}: {message})\n", render::count(*count))
    };
    let mut text: String = groups.iter().take(MAX_CODES_IN_TEXT).map(line).collect();
    if groups.len() > MAX_CODES_IN_TEXT {
        text.push_str(&format!("{:>27}  other codes; --json lists all of them\n", groups.len() - MAX_CODES_IN_TEXT));
    }
    text
}

#[cfg(test)]
mod tests {
    use cantus_model::{CommandError, DurableOutcome};
    use cantus_model::{Digest, Rejection};

    use super::*;

    fn decided(outcome: Outcome, duplicate: bool) -> Answer {
        Ok(DurableOutcome { outcome, version: 1, first_offset: None, duplicate, component: Digest::of(b"") })
    }

    #[test]
    fn the_summary_adds_up() {
        let mut counts = RunCounts::default();
        let no = Rejection { code: "too-much".into(), message: "only 3 left".into(), detail: None };
        counts.add(1, &decided(Outcome::Accepted { events: 2 }, false));
        counts.add(2, &decided(Outcome::Accepted { events: 2 }, true));
        counts.add(3, &decided(Outcome::Rejected(no.clone()), false));
        counts.add(4, &decided(Outcome::Rejected(no), false));
        counts.add(5, &Err(CommandError::IdReused));
        counts.add_invalid(6, 1, "no");
        assert_eq!(counts.acknowledged(), 4);
        let stats = Stats { batches: [(1, 1), (2, 2)].into(), ..Stats::default() };
        insta::assert_snapshot!(counts.summary(Duration::from_millis(2), &stats).text(), @r"
        5 commands in 0.00 s: 2,500 a second
          accepted                2  2 events
          rejected                2
                                  2  too-much (line 3: only 3 left)
          failed                  1  not recorded; they may be sent again with the same ids
                                  1  id-reused (line 5: this id was used before, for another request: give each command an id of its own)
          invalid lines           1  skipped
          duplicates              1  answered with the stored outcome, and counted above
          batches                 3  median 2, largest 2 commands
        ");
    }

    #[test]
    fn the_number_of_codes_is_bounded() {
        let mut groups = BTreeMap::new();
        for line in 0..10_000 {
            count(&mut groups, &format!("code-{line}"), line, "");
        }
        assert_eq!(groups.len(), MAX_CODES + 1);
        assert_eq!(groups.values().map(|group| group.count).sum::<u64>(), 10_000);
    }
}
