//! Differences between decisions, as text for people: made of plain values.

use std::fmt::Write as _;

use cantus_engine::{
    replay::{Example, Findings, Group},
    verify::Report,
};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::render;

/// The groups of differences, the largest first, each with its first examples.
pub(crate) fn groups(findings: &Findings, examples: usize) -> String {
    let mut groups: Vec<&Group> = findings.groups.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups.into_iter().map(|it| group(it, examples)).collect()
}

/// One of them.
pub(crate) fn group(group: &Group, examples: usize) -> String {
    let code = group.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let waived = group.waived.as_ref().map(|reason| format!("; waived: {reason}")).unwrap_or_default();
    let Group { aggregate, command, change, count, .. } = group;
    let mut text = format!("{:>9}  {aggregate}.{command}: {change}{code}{waived}\n", render::count(*count));
    for example in group.examples.iter().take(examples) {
        text.push_str(&example_text(example));
    }
    text
}

/// One command, and how its decision changed.
pub(crate) fn example_text(example: &Example) -> String {
    let Example { aggregate, command_id, version, before, now, .. } = example;
    let mut text = format!("           {aggregate} at version {version}, command {command_id}\n");
    for line in diff(&decision(before), &decision(now)) {
        let _ = writeln!(text, "             {line}");
    }
    text
}

/// A decision, a line for each event.
pub(crate) fn decision(decision: &Value) -> String {
    if let Some(events) = decision.get("accepted").and_then(Value::as_array) {
        return match events.is_empty() {
            true => "accepted, no events\n".to_owned(),
            false => events.iter().map(event).collect(),
        };
    }
    if let Some(rejection) = decision.get("rejected") {
        let text = |key: &str| rejection.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let detail = rejection.get("detail").map(|detail| format!(" {detail}")).unwrap_or_default();
        return format!("rejected {}: {}{detail}\n", text("code"), text("message"));
    }
    let said = |key: &str| decision.get(key).and_then(Value::as_str);
    if let Some(state) = said("state") {
        return format!("state {state}\n");
    }
    match (said("undecided"), said("fault"), decision.as_str()) {
        (Some(why), ..) => format!("refused: {why}\n"),
        (_, Some(why), _) => format!("fault in {}: {why}\n", said("in").unwrap_or_default()),
        (.., Some(text)) => format!("{text}\n"),
        _ => format!("{decision}\n"),
    }
}

fn event(event: &Value) -> String {
    let name = event.get("event").and_then(Value::as_str).unwrap_or_default();
    let version = event.get("version").map(|version| format!(" v{version}")).unwrap_or_default();
    let payload = event.get("payload").map(Value::to_string).unwrap_or_default();
    format!("{name}{version} {payload}\n")
}

/// Unchanged lines that stand around a change.
const CONTEXT: usize = 2;

/// The lines of one text against those of another: what changed, and a little around it. `…` stands for the others.
pub(crate) fn diff(before: &str, now: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, now);
    let mut lines = Vec::new();
    let mut shown = 0;
    for hunk in &diff.grouped_ops(CONTEXT) {
        if hunk.first().is_some_and(|op| op.old_range().start > shown) {
            lines.push("  …".to_owned());
        }
        shown = hunk.last().map_or(shown, |op| op.old_range().end);
        for change in hunk.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign} {}", change.value().trim_end()));
        }
    }
    if !lines.is_empty() && shown < before.lines().count() {
        lines.push("  …".to_owned());
    }
    lines
}

/// How much of history a verification has checked, for a table.
pub(crate) fn checked(report: &Report) -> String {
    match report.recorded {
        None => "off".to_owned(),
        Some(0) => "none recorded".to_owned(),
        Some(recorded) => format!("{} of {}", render::count(report.checked()), render::count(recorded)),
    }
}

/// A verification, for people.
pub(crate) fn report(report: &Report) -> String {
    let Findings { streams, commands, identical, .. } = report.findings;
    let streams = render::count(streams);
    let candidate = format!("{} {} ({})", report.plugin, report.candidate.version, report.candidate.digest.short());
    let against = report.against.as_ref().map(|against| format!(" after {}", against.version)).unwrap_or_default();
    let mut text = format!("{candidate}{against}: ");
    if commands == 0 {
        let _ = writeln!(text, "{}", report.coverage());
    } else {
        let _ = writeln!(text, "{}, in {streams} streams", report.coverage());
        let _ = writeln!(text, "{:>9}  decided alike", render::count(identical));
        text.push_str(&groups(&report.findings, usize::MAX));
    }
    if !report.complete {
        text.push_str("there was no time for more: see the setting verify.time_ms\n");
    }
    if !report.removed.is_empty() && report.is_allowed() {
        let _ = writeln!(text, "it no longer has {}", report.removed.join(", "));
    }
    match report.refused.as_slice() {
        [] => text.push_str("it may go live\n"),
        reasons => {
            text.push_str("it may not go live:\n");
            reasons.iter().for_each(|reason| {
                let _ = writeln!(text, "  {reason}");
            });
        }
    }
    text
}
