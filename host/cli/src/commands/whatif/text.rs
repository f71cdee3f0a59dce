//! The text of two timelines beside each other.

use std::fmt::Write as _;

use cantus_host::{
    BranchCommand, WhatIfAnswer,
    components::{component_label, recorded_component_label},
};
use cantus_model::{Command, ComponentRecord, ports::Component};
use cantus_replay::whatif::{
    Branch, BranchPoint, EventStep, StepCounts, StepMark, TimelineEnd, TimelineSide, TimelineStep,
};

use crate::{
    findings::{self, DecisionFields},
    render::{self, escaped, message},
};

/// Most ids that are listed; more commands are only counted.
const MAX_IDS: usize = 3;

/// The request in words.
pub(super) struct RequestSummary {
    change: String,
    component: String,
    /// An explanation of a branch point that the user may not expect.
    note: Option<String>,
}

impl RequestSummary {
    pub(super) fn new(
        at: &BranchPoint,
        branch: &Branch,
        branch_command: BranchCommand,
        commands: &[Command],
        plugin: Option<&dyn Component>,
    ) -> Self {
        let aggregate = &branch.aggregate;
        let recorded = branch.command.as_ref().map(|record| (&record.context.command_id, &record.command.name));
        // A replacement has the same id as the command that it replaces.
        let name = |command: &Command| match recorded {
            Some((id, _)) if command.id == *id => "another command".to_owned(),
            _ => command.id.clone(),
        };
        let inserted = match commands {
            few if few.len() <= MAX_IDS => few.iter().map(name).collect::<Vec<_>>().join(", "),
            many => counted(many.len() as u64, "command"),
        };
        let change = match (recorded, branch_command) {
            (None, _) => format!("{aggregate} with {inserted} at the beginning"),
            (Some((id, name)), BranchCommand::Keep) => format!("{aggregate} with {inserted} after {id} ({name})"),
            (Some((id, name)), _) if commands.is_empty() => format!("{aggregate} without {id} ({name})"),
            (Some((id, name)), _) => format!("{aggregate} with {inserted} in place of {id} ({name})"),
        };
        let component = plugin.map_or_else(|| "the recorded components".to_owned(), component_label);
        let note = match (at, &branch.command) {
            (BranchPoint::Version(version), Some(record)) if record.version() > record.base_version + 1 => {
                Some(format!(
                    "version {version} is one of the versions {} to {} that {} produced together",
                    record.base_version + 1,
                    record.version(),
                    record.context.command_id
                ))
            }
            _ => None,
        };
        Self { change: escaped(change), component: escaped(component), note: note.map(escaped) }
    }
}

fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", render::count(number), if number == 1 { "" } else { "s" })
}

/// Renders the whole answer.
pub(super) fn timelines_text(summary: &RequestSummary, answer: &WhatIfAnswer) -> String {
    let WhatIfAnswer { timelines, components } = answer;
    let RequestSummary { change, component, note } = summary;
    let mut text = format!("{change}\n");
    if let Some(note) = note {
        let _ = writeln!(text, "  {note}");
    }
    let prefix = &timelines.common_prefix;
    let (version, commands) = (prefix.version, counted(prefix.commands, "command"));
    let _ = writeln!(text, "  identical up to version {version} ({commands}); after it decided by {component}\n");
    let divergence = &timelines.divergence;
    if !divergence.steps.is_empty() {
        let is_same_kind = |one: &TimelineStep, two: &TimelineStep| {
            (one.mark == StepMark::Unchanged) == (two.mark == StepMark::Unchanged)
        };
        let rows: Vec<_> = divergence.steps.chunk_by(is_same_kind).flat_map(chunk_rows).collect();
        text.push_str(&render::table(&["", "command", "before", "now"], &[], &rows));
        text.push('\n');
    }
    if divergence.left_out > 0 {
        let _ = writeln!(text, "and {} more: see --limit\n", counted(divergence.left_out, "command"));
    }
    divergence
        .steps
        .iter()
        .filter(|step| step.mark != StepMark::Unchanged)
        .for_each(|step| push_details(&mut text, step));
    let counts = [count_cells("commands", divergence.commands), count_cells("events", divergence.events)];
    text.push_str(&render::table(&["", "unchanged", "changed", "added", "removed"], &[1, 2, 3, 4], &counts));
    text.push('\n');
    push_states(&mut text, &timelines.before, &timelines.now, components);
    text
}

fn count_cells(of: &str, StepCounts { unchanged, changed, added, removed }: StepCounts) -> Vec<String> {
    let counts = [unchanged, changed, added, removed].map(render::count);
    std::iter::once(of.to_owned()).chain(counts).collect()
}

/// Returns the rows of consecutive commands that are all changed, or all unchanged. Of many unchanged ones it shows the first
/// and the last.
fn chunk_rows(steps: &[TimelineStep]) -> Vec<Vec<String>> {
    match steps {
        [first, between @ .., last] if first.mark == StepMark::Unchanged && between.len() > 1 => {
            let between = vec!["=".to_owned(), format!("… {} unchanged", counted(between.len() as u64, "command"))];
            let between = [between, vec![String::new(); 2]].concat();
            [step_rows(first), vec![between], step_rows(last)].concat()
        }
        _ => steps.iter().flat_map(step_rows).collect(),
    }
}

/// Returns the rows of one command: its events before and now.
fn step_rows(step: &TimelineStep) -> Vec<Vec<String>> {
    let name = match [&step.before, &step.now].map(|side| side.as_ref().map(|side| &*side.command)) {
        [Some(then), Some(this)] if then != this => format!("{then} → {this}"),
        [then, this] => this.or(then).unwrap_or_default().to_owned(),
    };
    let sides = [&step.before, &step.now].map(|side| side.as_ref().map(SideDecision::of));
    let event = |side: &Option<SideDecision>, version: Option<u64>| Some(side.as_ref()?.event(version?));
    let of_event =
        |EventStep { mark, before, now }: &EventStep| (*mark, event(&sides[0], *before), event(&sides[1], *now));
    let mut rows: Vec<_> = step.events.iter().map(of_event).collect();
    if rows.is_empty() {
        rows.push((step.mark, None, None));
    }
    // The first row shows a decision without events, and a command that was replaced.
    let [then, this] = sides.map(|side| side.and_then(|side| side.without_events()));
    let (mark, before, now) = &mut rows[0];
    if (then.is_some() || this.is_some() || step.change.is_none()) && step.mark == StepMark::Changed {
        *mark = StepMark::Changed;
    }
    (*before, *now) = (before.take().or(then), now.take().or(this));
    let command = format!("{} {name}", step.command_id);
    let commands = std::iter::once(command).chain(std::iter::repeat(String::new()));
    let row = |((mark, before, now), command): ((StepMark, Option<String>, Option<String>), String)| {
        vec![sign(mark).to_owned(), command, before.unwrap_or_default(), now.unwrap_or_default()]
    };
    rows.into_iter().zip(commands).map(row).collect()
}

fn sign(mark: StepMark) -> &'static str {
    match mark {
        StepMark::Unchanged => "=",
        StepMark::Changed => "~",
        StepMark::Added => "+",
        StepMark::Removed => "-",
    }
}

/// The decision of one side, and the stream version before it.
struct SideDecision {
    version: u64,
    decision: DecisionFields,
}

impl SideDecision {
    fn of(side: &TimelineSide) -> Self {
        Self { version: side.version, decision: DecisionFields::parse(&side.decision) }
    }

    /// Describes the event with this stream version.
    fn event(&self, version: u64) -> String {
        let index = usize::try_from(version - self.version - 1).unwrap_or(usize::MAX);
        let event = self.decision.accepted.as_ref().and_then(|events| events.get(index));
        format!("{version} {}", event.map(|event| &*event.event).unwrap_or_default())
    }

    /// Describes a decision that has no events.
    fn without_events(&self) -> Option<String> {
        Some(match &self.decision {
            DecisionFields { accepted: Some(events), .. } => {
                return events.is_empty().then(|| "accepted, no events".to_owned());
            }
            DecisionFields { rejected: Some(rejection), .. } => format!("rejected: {}", message(&rejection.code)),
            DecisionFields { undecided: Some(_), .. } => "refused".to_owned(),
            DecisionFields { fault: Some(_), .. } => "fault".to_owned(),
            _ => "not reached".to_owned(),
        })
    }
}

/// Adds a changed command, with its payload and its decision on both sides.
fn push_details(text: &mut String, step: &TimelineStep) {
    let change = match (step.mark, step.change) {
        (_, Some(change)) => change.as_str(),
        (StepMark::Added, _) => "added",
        (StepMark::Removed, _) => "removed",
        _ => "another command, with the same outcome",
    };
    let _ = writeln!(text, "{}: {change}", escaped(&step.command_id));
    let [before, now] = [&step.before, &step.now].map(|side| side.as_ref().map(side_text).unwrap_or_default());
    for line in findings::diff(&before, &now) {
        let _ = writeln!(text, "  {line}");
    }
    text.push('\n');
}

/// Renders the command of one side and its decision.
fn side_text(side: &TimelineSide) -> String {
    let version = side.command_version.filter(|version| *version != 1).map(|version| format!(" v{version}"));
    let (command, payload) = (escaped(&side.command), escaped(&side.payload));
    let mut text = format!("{command}{} {payload}\n", version.unwrap_or_default());
    text.push_str(&findings::decision_text(&side.decision));
    text
}

/// Adds the states at the end of both timelines.
fn push_states(text: &mut String, before: &TimelineEnd, now: &TimelineEnd, records: &[ComponentRecord]) {
    let name = |end: &TimelineEnd| escaped(recorded_component_label(records, end.component));
    let component = match before.component == now.component {
        true => format!("folded by {}", name(now)),
        false => format!("folded by {} before, by {} now", name(before), name(now)),
    };
    let version = match before.version == now.version {
        true => format!("version {}", now.version),
        false => format!("version {} before, {} now", before.version, now.version),
    };
    let _ = writeln!(text, "the end state, {version}, {component}");
    match (&before.state, &now.state) {
        (Ok(then), Ok(this)) if then == this => text.push_str("  is the same\n"),
        (Ok(then), Ok(this)) => {
            let [then, this] = [then, this].map(|state| format!("{}\n", render::payload_pretty(state)));
            match findings::diff(&then, &this).as_slice() {
                [] => text.push_str("  differs only in white space\n"),
                lines => lines.iter().for_each(|line| {
                    let _ = writeln!(text, "  {line}");
                }),
            }
        }
        (then, this) => {
            for (when, state) in [("before", then), ("now", this)] {
                let state = state
                    .as_ref()
                    .map_or_else(|why| format!("unknown: {}", message(why)), |state| render::payload_pretty(state));
                let _ = writeln!(text, "  {when}: {state}");
            }
        }
    }
}
