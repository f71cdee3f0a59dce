//! The text of differences between decisions, and of verification reports.

use std::fmt::Write as _;

use cantus_replay::{
    replay::{FindingExample, FindingGroup, Findings, JsonText},
    verify::VerificationReport,
};
use serde::Deserialize;
use similar::{ChangeTag, TextDiff};

use crate::render::{self, escaped, message};

/// Renders the groups of differences, the largest first, each with its first examples.
pub(crate) fn groups_text(findings: &Findings, examples: usize) -> String {
    let mut groups: Vec<&FindingGroup> = findings.groups.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups.into_iter().map(|it| group_text(it, examples)).collect()
}

/// Renders one group of differences.
pub(crate) fn group_text(group: &FindingGroup, examples: usize) -> String {
    let code = group.code.as_ref().map(|code| format!(" ({})", message(code))).unwrap_or_default();
    let waived = group.waived.as_ref().map(|reason| format!("; waived: {}", message(reason))).unwrap_or_default();
    let FindingGroup { aggregate, command, change, count, .. } = group;
    let kind = escaped(format_args!("{aggregate}.{command}"));
    let mut text = format!("{:>9}  {kind}: {change}{code}{waived}\n", render::count(*count));
    for example in group.examples.iter().take(examples) {
        text.push_str(&example_text(example));
    }
    text
}

/// Renders one command, with its decision before and now.
pub(crate) fn example_text(example: &FindingExample) -> String {
    let FindingExample { aggregate, command_id, version, before, now, .. } = example;
    let (aggregate, command_id) = (escaped(aggregate), escaped(command_id));
    let mut text = format!("           {aggregate} at version {version}, command {command_id}\n");
    for line in diff(&decision_text(before), &decision_text(now)) {
        let _ = writeln!(text, "             {line}");
    }
    text
}

/// The parts of a decision in a report. Values keep their bytes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct DecisionFields {
    /// The events of a command that was accepted.
    pub(crate) accepted: Option<Vec<EventFields>>,
    /// The rejection of one that was rejected.
    pub(crate) rejected: Option<RejectionFields>,
    /// The reason why the command was not decided.
    pub(crate) undecided: Option<String>,
    /// The message of the guest's fault.
    pub(crate) fault: Option<String>,
    /// The call in which the guest faulted.
    #[serde(rename = "in")]
    call: Option<String>,
    /// The state, where a state differs and not a decision.
    state: Option<JsonText>,
}

/// An event of a decision.
#[derive(Debug, Deserialize)]
pub(crate) struct EventFields {
    /// The name of the event.
    pub(crate) event: String,
    version: u32,
    payload: JsonText,
}

/// The rejection of a decision.
#[derive(Debug, Deserialize)]
pub(crate) struct RejectionFields {
    /// The code of the rejection.
    pub(crate) code: String,
    message: String,
    detail: Option<JsonText>,
}

impl DecisionFields {
    /// Parses the parts of a decision. A decision that was not reached has none.
    pub(crate) fn parse(decision: &JsonText) -> Self {
        serde_json::from_str(decision.get()).unwrap_or_default()
    }
}

/// Renders a decision, with a line for each event.
pub(crate) fn decision_text(decision: &JsonText) -> String {
    match DecisionFields::parse(decision) {
        DecisionFields { accepted: Some(events), .. } if events.is_empty() => "accepted, no events\n".to_owned(),
        DecisionFields { accepted: Some(events), .. } => events.iter().map(event_text).collect(),
        DecisionFields { rejected: Some(it), .. } => {
            let detail = it.detail.map(|detail| format!(" {}", escaped(detail))).unwrap_or_default();
            format!("rejected {}: {}{detail}\n", message(it.code), message(it.message))
        }
        DecisionFields { state: Some(state), .. } => format!("state {}\n", plain(&state)),
        DecisionFields { undecided: Some(why), .. } => format!("refused: {}\n", message(why)),
        DecisionFields { fault: Some(why), call, .. } => {
            format!("fault in {}: {}\n", escaped(call.unwrap_or_default()), message(why))
        }
        _ => format!("{}\n", plain(decision)),
    }
}

fn event_text(event: &EventFields) -> String {
    let EventFields { event, version, payload } = event;
    format!("{} v{version} {}\n", escaped(event), escaped(payload))
}

/// Renders a string without its quotes, and any other value unchanged.
fn plain(json: &JsonText) -> String {
    serde_json::from_str::<String>(json.get()).map_or_else(|_| escaped(json), escaped)
}

/// Unchanged lines around a change.
const CONTEXT_LINES: usize = 2;

/// Compares two texts line by line, and returns the changed lines with a few lines around them. `…` stands for the others.
pub(crate) fn diff(before: &str, now: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, now);
    let mut lines = Vec::new();
    let mut end = 0;
    for hunk in &diff.grouped_ops(CONTEXT_LINES) {
        if hunk.first().is_some_and(|op| op.old_range().start > end) {
            lines.push("  …".to_owned());
        }
        end = hunk.last().map_or(end, |op| op.old_range().end);
        for change in hunk.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign} {}", change.value().trim_end()));
        }
    }
    if !lines.is_empty() && end < before.lines().count() {
        lines.push("  …".to_owned());
    }
    lines
}

/// Renders a verification report.
pub(crate) fn report_text(report: &VerificationReport) -> String {
    let Findings { streams, commands, identical, .. } = report.findings;
    let streams = render::count(streams);
    let candidate =
        format!("{} {} ({})", escaped(&report.plugin), report.candidate.version, report.candidate.digest.short());
    let against = report.against.as_ref().map(|against| format!(" after {}", against.version)).unwrap_or_default();
    let mut text = format!("{candidate}{against}: ");
    if commands == 0 {
        let _ = writeln!(text, "{}", report.coverage());
    } else {
        let _ = writeln!(text, "{}, in {streams} streams", report.coverage());
        let _ = writeln!(text, "{:>9}  identical", render::count(identical));
        text.push_str(&groups_text(&report.findings, usize::MAX));
    }
    if !report.complete {
        text.push_str("the time of the setting verify.time_ms was over before all commands were decided\n");
    }
    if !report.removed.is_empty() && report.is_allowed() {
        let _ = writeln!(text, "it removes {}", escaped(report.removed.join(", ")));
    }
    match report.refused.as_slice() {
        [] => text.push_str("it may go live\n"),
        reasons => {
            text.push_str("it may not go live:\n");
            reasons.iter().for_each(|reason| {
                let _ = writeln!(text, "  {}", message(reason));
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(json: &str) -> String {
        decision_text(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn values_in_a_decision_keep_their_bytes() {
        let payload = r#"{"b":0.48631448008240996,"a":1.23e29,"b":123456789012345678901234567890}"#;
        let accepted = format!(r#"{{"accepted":[{{"event":"E","payload":{payload},"version":1}}]}}"#);
        assert_eq!(text(&accepted), format!("E v1 {payload}\n"));
        let rejected = format!(r#"{{"rejected":{{"code":"no","message":"never","detail":{payload}}}}}"#);
        assert_eq!(text(&rejected), format!("rejected no: never {payload}\n"));
    }

    #[test]
    fn every_kind_of_outcome_has_a_line() {
        assert_eq!(text(r#"{"accepted":[]}"#), "accepted, no events\n");
        assert_eq!(text(r#"{"undecided":"unknown"}"#), "refused: unknown\n");
        assert_eq!(text(r#"{"fault":"a\nb","in":"handle"}"#), "fault in handle: a\\nb\n");
        assert_eq!(text(r#"{"state":"{\"a\":1}"}"#), "state {\"a\":1}\n");
        assert_eq!(text(r#"{"state":null}"#), "{\"state\":null}\n");
        assert_eq!(text(r#""not reached""#), "not reached\n");
    }
}
