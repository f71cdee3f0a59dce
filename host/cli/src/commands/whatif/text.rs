//! Two timelines beside each other, for people.

use std::fmt::Write as _;

use cantus_engine::whatif::{At, Branch, End, Mark, Side, Step, Tally, Timelines};
use cantus_model::{Command, ComponentRecord, ports::Component};
use serde_json::Value;

use crate::{findings, render, wiring};

/// Ids that are listed; more are counted.
const LISTED: usize = 3;

/// What was asked, in words.
pub(super) struct Question {
    what: String,
    who: String,
    /// What the reader may not expect.
    note: Option<String>,
}

impl Question {
    pub(super) fn new(
        at: &At,
        branch: &Branch,
        keep: bool,
        commands: &[Command],
        plugin: Option<&dyn Component>,
    ) -> Self {
        let aggregate = &branch.aggregate;
        let there = branch.command.as_ref().map(|record| (&record.context.command_id, &record.command.name));
        // Its id does not tell it from the one in whose place it stands.
        let name = |command: &Command| match there {
            Some((id, _)) if command.id == *id => "another command".to_owned(),
            _ => command.id.clone(),
        };
        let asked = match commands {
            few if few.len() <= LISTED => few.iter().map(name).collect::<Vec<_>>().join(", "),
            many => counted(many.len() as u64, "command"),
        };
        let what = match there {
            None => format!("{aggregate} with {asked} at the beginning"),
            Some((id, name)) if keep => format!("{aggregate} with {asked} after {id} ({name})"),
            Some((id, name)) if commands.is_empty() => format!("{aggregate} without {id} ({name})"),
            Some((id, name)) => format!("{aggregate} with {asked} in place of {id} ({name})"),
        };
        let who = plugin.map_or_else(|| "whoever decided then".to_owned(), wiring::name_of);
        let note = match (at, &branch.command) {
            (At::Version(version), Some(record)) if record.version() > record.base_version + 1 => Some(format!(
                "version {version} is one of the versions {} to {} that {} produced together",
                record.base_version + 1,
                record.version(),
                record.context.command_id
            )),
            _ => None,
        };
        Self { what, who, note }
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", render::count(number), if number == 1 { "" } else { "s" })
}

/// All of it.
pub(super) fn text(question: &Question, found: &Timelines, records: &[ComponentRecord]) -> String {
    let Question { what, who, note } = question;
    let mut text = format!("{what}\n");
    if let Some(note) = note {
        let _ = writeln!(text, "  {note}");
    }
    let (version, commands) = (found.shared.version, counted(found.shared.commands, "command"));
    let _ = writeln!(text, "  alike up to version {version} ({commands}); from there on decided by {who}\n");
    let parted = &found.parted;
    if !parted.steps.is_empty() {
        let rows: Vec<_> = parted.steps.iter().flat_map(rows).collect();
        text.push_str(&render::table(&["", "command", "before", "now"], &[], &rows));
        text.push('\n');
    }
    if parted.left_out > 0 {
        let _ = writeln!(text, "and {} more: see --limit\n", counted(parted.left_out, "command"));
    }
    parted.steps.iter().filter(|step| step.mark != Mark::Unchanged).for_each(|step| details(&mut text, step));
    let tallies = [tally("commands", parted.commands), tally("events", parted.events)];
    text.push_str(&render::table(&["", "unchanged", "changed", "added", "removed"], &[1, 2, 3, 4], &tallies));
    text.push('\n');
    states(&mut text, &found.before, &found.now, records);
    text
}

fn tally(of: &str, Tally { unchanged, changed, added, removed }: Tally) -> Vec<String> {
    let counts = [unchanged, changed, added, removed].map(render::count);
    std::iter::once(of.to_owned()).chain(counts).collect()
}

/// A command's rows: what it led to, before and now, line by line.
fn rows(step: &Step) -> Vec<Vec<String>> {
    let [before, now] = [&step.before, &step.now].map(|side| side.as_ref().map(outcomes).unwrap_or_default());
    let name = match [&step.before, &step.now].map(|side| side.as_ref().map(|side| &*side.command)) {
        [Some(then), Some(this)] if then != this => format!("{then} → {this}"),
        [then, this] => this.or(then).unwrap_or_default().to_owned(),
    };
    let text = |outcome: Option<&(String, &Value)>| outcome.map(|(text, _)| text.clone()).unwrap_or_default();
    let row = |place: usize| {
        let (then, this) = (before.get(place), now.get(place));
        let mark = match (then, this) {
            // The command itself is another one.
            (Some(_), Some(_)) if place == 0 && step.mark == Mark::Changed && step.change.is_none() => "~",
            (Some((_, then)), Some((_, this))) => {
                if then == this {
                    "="
                } else {
                    "~"
                }
            }
            (Some(_), None) => "-",
            (None, _) => "+",
        };
        let command = if place == 0 { format!("{} {name}", step.command_id) } else { String::new() };
        vec![mark.to_owned(), command, text(then), text(this)]
    };
    (0..before.len().max(now.len())).map(row).collect()
}

/// What a command led to: each event with its version, or why there is none; and what it is compared by.
fn outcomes(side: &Side) -> Vec<(String, &Value)> {
    let decision = &side.decision;
    let accepted = decision.get("accepted").and_then(Value::as_array);
    match accepted {
        Some(events) if !events.is_empty() => {
            let name = |event: &Value| event.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
            (side.version + 1..)
                .zip(events)
                .map(|(version, event)| (format!("{version} {}", name(event)), event))
                .collect()
        }
        Some(_) => vec![("accepted, no events".to_owned(), decision)],
        None => {
            let code = decision.pointer("/rejected/code").and_then(Value::as_str);
            let text = match code {
                Some(code) => format!("rejected: {code}"),
                None if decision.get("undecided").is_some() => "refused".to_owned(),
                None if decision.get("fault").is_some() => "fault".to_owned(),
                None => "not reached".to_owned(),
            };
            vec![(text, decision)]
        }
    }
}

/// A command that is not as it was, with what was asked and decided.
fn details(text: &mut String, step: &Step) {
    let what = match (step.mark, step.change) {
        (_, Some(change)) => change.as_str(),
        (Mark::Added, _) => "added",
        (Mark::Removed, _) => "removed",
        _ => "another command, with the same outcome",
    };
    let _ = writeln!(text, "{}: {what}", step.command_id);
    let [before, now] = [&step.before, &step.now].map(|side| side.as_ref().map(block).unwrap_or_default());
    for line in findings::diff(&before, &now) {
        let _ = writeln!(text, "  {line}");
    }
    text.push('\n');
}

/// What was asked, and what was decided.
fn block(side: &Side) -> String {
    let version = side.command_version.filter(|version| *version != 1).map(|version| format!(" v{version}"));
    let mut text = format!("{}{} {}\n", side.command, version.unwrap_or_default(), side.payload);
    let said = |key: &str| side.decision.get(key).and_then(Value::as_str);
    if let Some(why) = said("undecided") {
        let _ = writeln!(text, "refused: {why}");
    } else if let Some(why) = said("fault") {
        let _ = writeln!(text, "fault in {}: {why}", said("in").unwrap_or_default());
    } else {
        text.push_str(&findings::decision(&side.decision));
    }
    text
}

fn states(text: &mut String, before: &End, now: &End, records: &[ComponentRecord]) {
    let name = |end: &End| wiring::name_in(records, end.component);
    let who = match before.component == now.component {
        true => format!("as {} has it", name(now)),
        false => format!("as {} had it, and {} has it", name(before), name(now)),
    };
    let version = match before.version == now.version {
        true => format!("version {}", now.version),
        false => format!("version {} before, {} now", before.version, now.version),
    };
    let _ = writeln!(text, "the end state, {version}, {who}");
    match (&before.state, &now.state) {
        (Ok(then), Ok(this)) if then == this => text.push_str("  is the same\n"),
        (Ok(then), Ok(this)) => {
            let [then, this] = [then, this].map(|state| format!("{}\n", render::payload_pretty(state)));
            for line in findings::diff(&then, &this) {
                let _ = writeln!(text, "  {line}");
            }
        }
        (then, this) => {
            for (when, state) in [("before", then), ("now", this)] {
                let state = state
                    .as_ref()
                    .map_or_else(|why| format!("cannot be told: {why}"), |state| render::payload_pretty(state));
                let _ = writeln!(text, "  {when}: {state}");
            }
        }
    }
}
