//! Two timelines beside each other, for people.

use std::fmt::Write as _;

use cantus_host::components::{name_in, name_of};
use cantus_model::{Command, ComponentRecord, ports::Component};
use cantus_replay::whatif::{
    Branch, BranchPoint, EventStep, StepCounts, StepMark, TimelineEnd, TimelineSide, TimelineStep, Timelines,
};

use crate::{
    findings::{self, DecisionFields},
    render::{self, escaped, message},
};

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
        at: &BranchPoint,
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
        let who = plugin.map_or_else(|| "whoever decided then".to_owned(), name_of);
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
        Self { what: escaped(what), who: escaped(who), note: note.map(escaped) }
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
    let (version, commands) = (found.common_prefix.version, counted(found.common_prefix.commands, "command"));
    let _ = writeln!(text, "  alike up to version {version} ({commands}); from there on decided by {who}\n");
    let parted = &found.divergence;
    if !parted.steps.is_empty() {
        let alike = |one: &TimelineStep, two: &TimelineStep| {
            (one.mark == StepMark::Unchanged) == (two.mark == StepMark::Unchanged)
        };
        let rows: Vec<_> = parted.steps.chunk_by(alike).flat_map(run).collect();
        text.push_str(&render::table(&["", "command", "before", "now"], &[], &rows));
        text.push('\n');
    }
    if parted.left_out > 0 {
        let _ = writeln!(text, "and {} more: see --limit\n", counted(parted.left_out, "command"));
    }
    parted.steps.iter().filter(|step| step.mark != StepMark::Unchanged).for_each(|step| details(&mut text, step));
    let tallies = [tally("commands", parted.commands), tally("events", parted.events)];
    text.push_str(&render::table(&["", "unchanged", "changed", "added", "removed"], &[1, 2, 3, 4], &tallies));
    text.push('\n');
    states(&mut text, &found.before, &found.now, records);
    text
}

fn tally(of: &str, StepCounts { unchanged, changed, added, removed }: StepCounts) -> Vec<String> {
    let counts = [unchanged, changed, added, removed].map(render::count);
    std::iter::once(of.to_owned()).chain(counts).collect()
}

/// The rows of commands that are all unchanged, or none of them: of many that are, the first and the last.
fn run(steps: &[TimelineStep]) -> Vec<Vec<String>> {
    match steps {
        [first, between @ .., last] if first.mark == StepMark::Unchanged && between.len() > 1 => {
            let between = vec!["=".to_owned(), format!("… {} unchanged", counted(between.len() as u64, "command"))];
            let between = [between, vec![String::new(); 2]].concat();
            [rows(first), vec![between], rows(last)].concat()
        }
        _ => steps.iter().flat_map(rows).collect(),
    }
}

/// A command's rows: what it led to, before and now, line by line.
fn rows(step: &TimelineStep) -> Vec<Vec<String>> {
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
    // What led to no event, and a command that is another one now, is told in the first row.
    let [then, this] = sides.map(|side| side.and_then(|side| side.no_events()));
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

/// The decision of one side, and the version that it was taken on.
struct SideDecision {
    version: u64,
    decision: DecisionFields,
}

impl SideDecision {
    fn of(side: &TimelineSide) -> Self {
        Self { version: side.version, decision: DecisionFields::of(&side.decision) }
    }

    /// The event that led to a stream version.
    fn event(&self, version: u64) -> String {
        let place = usize::try_from(version - self.version - 1).unwrap_or(usize::MAX);
        let event = self.decision.accepted.as_ref().and_then(|events| events.get(place));
        format!("{version} {}", event.map(|event| &*event.event).unwrap_or_default())
    }

    /// What the command led to, if not to events.
    fn no_events(&self) -> Option<String> {
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

/// A command that is not as it was, with what was asked and decided.
fn details(text: &mut String, step: &TimelineStep) {
    let what = match (step.mark, step.change) {
        (_, Some(change)) => change.as_str(),
        (StepMark::Added, _) => "added",
        (StepMark::Removed, _) => "removed",
        _ => "another command, with the same outcome",
    };
    let _ = writeln!(text, "{}: {what}", escaped(&step.command_id));
    let [before, now] = [&step.before, &step.now].map(|side| side.as_ref().map(block).unwrap_or_default());
    for line in findings::diff(&before, &now) {
        let _ = writeln!(text, "  {line}");
    }
    text.push('\n');
}

/// What was asked, and what was decided.
fn block(side: &TimelineSide) -> String {
    let version = side.command_version.filter(|version| *version != 1).map(|version| format!(" v{version}"));
    let (command, payload) = (escaped(&side.command), escaped(&side.payload));
    let mut text = format!("{command}{} {payload}\n", version.unwrap_or_default());
    text.push_str(&findings::decision(&side.decision));
    text
}

fn states(text: &mut String, before: &TimelineEnd, now: &TimelineEnd, records: &[ComponentRecord]) {
    let name = |end: &TimelineEnd| escaped(name_in(records, end.component));
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
            match findings::diff(&then, &this).as_slice() {
                [] => text.push_str("  differs in its white space only\n"),
                lines => lines.iter().for_each(|line| {
                    let _ = writeln!(text, "  {line}");
                }),
            }
        }
        (then, this) => {
            for (when, state) in [("before", then), ("now", this)] {
                let state = state.as_ref().map_or_else(
                    |why| format!("cannot be told: {}", message(why)),
                    |state| render::payload_pretty(state),
                );
                let _ = writeln!(text, "  {when}: {state}");
            }
        }
    }
}
