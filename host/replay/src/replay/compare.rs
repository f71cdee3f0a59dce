//! Compares recorded decisions with new ones.

use std::fmt;

use cantus_model::{Digest, Message, Outcome, RecordedCommand, Rejection, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{JsonText, ReplayOutcome};

/// The kind of difference between a new decision and the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionChange {
    /// Both accepted the command, with different events.
    EventsDiffer,
    /// Both rejected the command, differently.
    RejectionDiffers,
    /// Accepted then, rejected now.
    AcceptedToRejected,
    /// Rejected then, accepted now.
    RejectedToAccepted,
    /// Decided then; now the component has no such command, or does not accept its payload.
    Undecided,
    /// Decided then; now the guest faults.
    Fault,
    /// The stream could not be folded up to the command.
    Unreached,
}

impl DecisionChange {
    /// The name, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventsDiffer => "events differ",
            Self::RejectionDiffers => "rejection differs",
            Self::AcceptedToRejected => "accepted → rejected",
            Self::RejectedToAccepted => "rejected → accepted",
            Self::Undecided => "no longer decided",
            Self::Fault => "fault",
            Self::Unreached => "not reached",
        }
    }

    /// Reports whether no new version may have this difference.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Fault | Self::Unreached)
    }
}

impl fmt::Display for DecisionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A decision in a form that a report can hold.
pub(crate) enum ReportedDecision<'a> {
    Accepted(&'a [Message]),
    Rejected(&'a Rejection),
    Rerun(&'a ReplayOutcome),
}

impl<'a> ReportedDecision<'a> {
    /// The decision in a record.
    pub(crate) fn recorded(command: &'a RecordedCommand) -> Self {
        match &command.record.outcome {
            Outcome::Accepted { .. } => Self::Accepted(&command.events),
            Outcome::Rejected(rejection) => Self::Rejected(rejection),
        }
    }

    /// Returns this decision and a different one for a report. If their JSON is the same and only the bytes of
    /// payloads differ (line ends, or a string that stands for text), payloads are given as text.
    pub(crate) fn distinguish(&self, other: &Self) -> (JsonText, JsonText) {
        match (self.json(), other.json()) {
            (one, two) if one == two => (self.json_with(payload_text), other.json_with(payload_text)),
            different => different,
        }
    }

    pub(crate) fn json(&self) -> JsonText {
        self.json_with(payload_json)
    }

    fn json_with(&self, payload: fn(&[u8]) -> JsonText) -> JsonText {
        JsonText::of(&match self {
            Self::Accepted(events) => DecisionJson::accepted(events, payload),
            Self::Rejected(rejection) => DecisionJson::rejected(rejection, payload),
            Self::Rerun(ReplayOutcome::Decided(Verdict::Accepted(events))) => DecisionJson::accepted(events, payload),
            Self::Rerun(ReplayOutcome::Decided(Verdict::Rejected(rejection))) => {
                DecisionJson::rejected(rejection, payload)
            }
            Self::Rerun(ReplayOutcome::Undecided(why)) => DecisionJson::Undecided(why),
            Self::Rerun(ReplayOutcome::Fault(fault)) => DecisionJson::Fault { fault: &fault.message, call: fault.call },
            Self::Rerun(ReplayOutcome::Unreached) => DecisionJson::Unreached,
        })
    }
}

/// The JSON of a decision in a report.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum DecisionJson<'a> {
    Accepted(Vec<EventJson<'a>>),
    Rejected(RejectionJson<'a>),
    Undecided(&'a str),
    #[serde(rename = "not reached")]
    Unreached,
    #[serde(untagged)]
    Fault {
        fault: &'a str,
        #[serde(rename = "in")]
        call: &'a str,
    },
}

#[derive(Serialize)]
struct EventJson<'a> {
    event: &'a str,
    payload: JsonText,
    version: u32,
}

#[derive(Serialize)]
struct RejectionJson<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<JsonText>,
    message: &'a str,
}

impl<'a> DecisionJson<'a> {
    fn accepted(events: &'a [Message], payload: fn(&[u8]) -> JsonText) -> Self {
        let event = |event: &'a Message| EventJson {
            event: &event.name,
            payload: payload(&event.payload),
            version: event.version,
        };
        Self::Accepted(events.iter().map(event).collect())
    }

    fn rejected(rejection: &'a Rejection, payload: fn(&[u8]) -> JsonText) -> Self {
        let Rejection { code, message, detail } = rejection;
        Self::Rejected(RejectionJson { code, detail: detail.as_deref().map(payload), message })
    }
}

/// Compares two decisions. `None` if they are identical to the byte.
pub(crate) fn compare(recorded: &ReportedDecision<'_>, now: &ReplayOutcome) -> Option<DecisionChange> {
    let verdict = match now {
        ReplayOutcome::Decided(verdict) => verdict,
        ReplayOutcome::Undecided(_) => return Some(DecisionChange::Undecided),
        ReplayOutcome::Fault(_) => return Some(DecisionChange::Fault),
        ReplayOutcome::Unreached => return Some(DecisionChange::Unreached),
    };
    match (recorded, verdict) {
        (ReportedDecision::Accepted(before), Verdict::Accepted(now)) => {
            (*before != now.as_slice()).then_some(DecisionChange::EventsDiffer)
        }
        (ReportedDecision::Rejected(before), Verdict::Rejected(now)) => {
            (*before != now).then_some(DecisionChange::RejectionDiffers)
        }
        (ReportedDecision::Accepted(_), Verdict::Rejected(_)) => Some(DecisionChange::AcceptedToRejected),
        (ReportedDecision::Rejected(_), Verdict::Accepted(_)) => Some(DecisionChange::RejectedToAccepted),
        (ReportedDecision::Rerun(before), _) => match before {
            ReplayOutcome::Decided(Verdict::Accepted(events)) => compare(&ReportedDecision::Accepted(events), now),
            ReplayOutcome::Decided(Verdict::Rejected(rejection)) => {
                compare(&ReportedDecision::Rejected(rejection), now)
            }
            // A command that could not be decided before loses nothing.
            _ => None,
        },
    }
}

/// Bytes of the longest payload that a report shows whole.
const MAX_PAYLOAD_BYTES: usize = 4_096;

/// A payload in a report: JSON as it was written, otherwise as [`payload_text`].
pub(crate) fn payload_json(payload: &[u8]) -> JsonText {
    let json = (payload.len() <= MAX_PAYLOAD_BYTES).then(|| JsonText::parse(payload)).flatten();
    json.unwrap_or_else(|| payload_text(payload))
}

/// A payload in a report, exact to the byte: text as a string, other bytes in hexadecimal, a long payload by its
/// beginning and digest.
pub(super) fn payload_text(payload: &[u8]) -> JsonText {
    if payload.len() > MAX_PAYLOAD_BYTES {
        let starts = String::from_utf8_lossy(&payload[..MAX_PAYLOAD_BYTES / 4]);
        return JsonText::of(&json!({ "bytes": payload.len(), "starts": starts, "sha256": Digest::of(payload) }));
    }
    match std::str::from_utf8(payload) {
        Ok(text) => JsonText::of(&text),
        Err(_) => {
            let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
            JsonText::of(&json!({ "hex": hex }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_with_different_bytes_are_reported_differently() {
        let event = |payload: &str| [Message { name: "E".into(), version: 1, payload: payload.into() }];
        let long = |end: &str| format!("\"{}{end}\"", "x".repeat(2 * MAX_PAYLOAD_BYTES));
        for (one, two) in [
            (r#"{"a":2,"b":1}"#, r#"{"b":1,"a":2}"#),
            ("1.50", "1.5"),
            ("[1]", "[ 1 ]"),
            ("[1,\n2]", "[1, 2]"),
            ("abc", "\"abc\""),
            ("1", "2"),
            (&*long("y"), &*long("z")),
        ] {
            let (one, two) = (event(one), event(two));
            let (before, now) = ReportedDecision::Accepted(&one).distinguish(&ReportedDecision::Accepted(&two));
            assert_ne!(before, now);
        }
    }

    #[test]
    fn values_are_reported_as_they_were_recorded() {
        let payload = r#"{"b":0.48631448008240996,"a":123456789012345678901234567890,"b":1.50}"#;
        let rejection = Rejection { code: "no".into(), message: "never".into(), detail: Some(payload.into()) };
        let events = [Message { name: "E".into(), version: 2, payload: payload.into() }];
        assert_eq!(
            ReportedDecision::Accepted(&events).json().get(),
            format!(r#"{{"accepted":[{{"event":"E","payload":{payload},"version":2}}]}}"#)
        );
        assert_eq!(
            ReportedDecision::Rejected(&rejection).json().get(),
            format!(r#"{{"rejected":{{"code":"no","detail":{payload},"message":"never"}}}}"#)
        );
    }

    #[test]
    fn an_outcome_without_a_decision_is_reported_as_such() {
        let json = |outcome: &ReplayOutcome| ReportedDecision::Rerun(outcome).json().get().to_owned();
        assert_eq!(json(&ReplayOutcome::Undecided("no such command".into())), r#"{"undecided":"no such command"}"#);
        assert_eq!(json(&ReplayOutcome::Unreached), r#""not reached""#);
        let fault = cantus_model::Fault {
            kind: cantus_model::FaultKind::Trap,
            call: "handle",
            message: "out".into(),
            backtrace: Vec::new(),
            plugin: String::new(),
            component: Digest::default(),
        };
        assert_eq!(json(&ReplayOutcome::Fault(Box::new(fault))), r#"{"fault":"out","in":"handle"}"#);
    }
}
