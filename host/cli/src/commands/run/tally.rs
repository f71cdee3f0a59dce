//! What became of all commands together.

use std::{collections::BTreeMap, time::Duration};

use cantus_engine::Stats;
use cantus_model::{Answer, Outcome};
use serde::Serialize;

use crate::{output, render};

/// Codes that are told apart; a guest could make up a new one for each command.
const CODES: usize = 200;
/// Invalid lines that are shown one by one.
const SHOWN: u64 = 20;
/// Codes of one kind that people are shown.
const CODES_SHOWN: usize = 20;

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
            let message = render::message(message);
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
    median: usize,
    largest: usize,
}

impl Batches {
    fn of(stats: &Stats) -> Self {
        let (median, largest) = stats.batch_sizes();
        Self { count: stats.batches.values().sum(), median, largest }
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
        let Batches { count, median, largest } = self.batches;
        let commands = counted(self.commands, "command");
        let speed = render::count(self.commands_per_second as u64);
        let mut text = format!("{commands} in {:.2} s: {speed} a second\n", self.seconds);
        text.push_str(&row("accepted", self.accepted, &counted(self.events, "event")));
        text.push_str(&row("rejected", self.rejected, ""));
        text.push_str(&groups(&self.rejected_by_code));
        if self.failed > 0 {
            text.push_str(&row("failed", self.failed, "not recorded; the same id may be used again"));
            text.push_str(&groups(&self.failed_by_code));
        }
        if self.invalid_lines > 0 {
            text.push_str(&row("invalid lines", self.invalid_lines, "skipped"));
        }
        if self.duplicates > 0 {
            text.push_str(&row("duplicates", self.duplicates, "among them, answered from the record"));
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

/// The commonest codes first, each with its first message.
fn groups(groups: &BTreeMap<String, Group>) -> String {
    let mut groups: Vec<_> = groups.iter().collect();
    groups.sort_by_key(|(code, group)| (std::cmp::Reverse(group.count), *code));
    let line = |(code, group): &(&String, &Group)| {
        let Group { count, first_line, first_message } = group;
        let (code, message) = (render::message(code), render::message(first_message));
        format!("{:>27}  {code} (line {first_line}: {message})\n", render::count(*count))
    };
    let mut text: String = groups.iter().take(CODES_SHOWN).map(line).collect();
    if groups.len() > CODES_SHOWN {
        text.push_str(&format!("{:>27}  other codes; --json has them\n", groups.len() - CODES_SHOWN));
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
        let mut tally = Tally::default();
        let no = Rejection { code: "too-much".into(), message: "only 3 left".into(), detail: None };
        tally.add(1, &decided(Outcome::Accepted { events: 2 }, false));
        tally.add(2, &decided(Outcome::Accepted { events: 2 }, true));
        tally.add(3, &decided(Outcome::Rejected(no.clone()), false));
        tally.add(4, &decided(Outcome::Rejected(no), false));
        tally.add(5, &Err(CommandError::IdReused));
        tally.add_invalid(6, 1, "no");
        assert_eq!(tally.acknowledged(), 4);
        let stats = Stats { batches: [(1, 1), (2, 2)].into(), ..Stats::default() };
        insta::assert_snapshot!(tally.summary(Duration::from_millis(2), &stats).text(), @r"
        5 commands in 0.00 s: 2,500 a second
          accepted                2  2 events
          rejected                2
                                  2  too-much (line 3: only 3 left)
          failed                  1  not recorded; the same id may be used again
                                  1  id-reused (line 5: this id was used before, for another request: give each command an id of its own)
          invalid lines           1  skipped
          duplicates              1  among them, answered from the record
          batches                 3  median 2, largest 2 commands
        ");
    }

    #[test]
    fn made_up_codes_do_not_pile_up() {
        let mut groups = BTreeMap::new();
        for line in 0..10_000 {
            count(&mut groups, &format!("code-{line}"), line, "");
        }
        assert_eq!(groups.len(), CODES + 1);
        assert_eq!(groups.values().map(|group| group.count).sum::<u64>(), 10_000);
    }
}
