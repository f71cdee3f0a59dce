//! What a recorded decision and a decision of today have in common.

use std::fmt;

use cantus_model::{Digest, Message, Outcome, RecordedCommand, Rejection, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Redecided;

/// How a decision of today differs from the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Both accepted, with other events.
    EventsDiffer,
    /// Both rejected, otherwise.
    RejectionDiffers,
    /// Accepted then, rejected now.
    AcceptedToRejected,
    /// Rejected then, accepted now.
    RejectedToAccepted,
    /// Decided then; now there is no such command, or the payload is not accepted.
    Undecided,
    /// Decided then; now the guest faults.
    Fault,
    /// The stream could not be folded up to it.
    Unreached,
}

impl Change {
    /// For people.
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

    /// Whether a new version may have it at all.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Fault | Self::Unreached)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A decision in a form that a report can hold.
pub(crate) enum Decision<'a> {
    Accepted(&'a [Message]),
    Rejected(&'a Rejection),
    Redecided(&'a Redecided),
}

impl<'a> Decision<'a> {
    /// As it was recorded.
    pub(crate) fn recorded(command: &'a RecordedCommand) -> Self {
        match &command.record.outcome {
            Outcome::Accepted { .. } => Self::Accepted(&command.events),
            Outcome::Rejected(rejection) => Self::Rejected(rejection),
        }
    }

    /// This one and another that is not the same, for a report: where the JSON of payloads is the same and only its bytes
    /// are not (the order of fields, white space, `1.50`), payloads are given as text.
    pub(crate) fn told_apart(&self, other: &Self) -> (Value, Value) {
        match (self.json(), other.json()) {
            (one, two) if one == two => (self.shown(payload_text), other.shown(payload_text)),
            told => told,
        }
    }

    pub(crate) fn json(&self) -> Value {
        self.shown(payload_json)
    }

    fn shown(&self, payload: fn(&[u8]) -> Value) -> Value {
        let event = |it: &Message| json!({ "event": it.name, "version": it.version, "payload": payload(&it.payload) });
        match self {
            Self::Accepted(events) => json!({ "accepted": events.iter().map(event).collect::<Vec<_>>() }),
            Self::Rejected(Rejection { code, message, detail }) => {
                let mut rejection = json!({ "code": code, "message": message });
                if let Some(detail) = detail {
                    rejection["detail"] = payload(detail);
                }
                json!({ "rejected": rejection })
            }
            Self::Redecided(Redecided::Decided(Verdict::Accepted(events))) => Self::Accepted(events).shown(payload),
            Self::Redecided(Redecided::Decided(Verdict::Rejected(rejection))) => {
                Self::Rejected(rejection).shown(payload)
            }
            Self::Redecided(Redecided::Undecided(why)) => json!({ "undecided": why }),
            Self::Redecided(Redecided::Fault(fault)) => json!({ "fault": fault.message, "in": fault.call }),
            Self::Redecided(Redecided::Unreached) => json!("not reached"),
        }
    }
}

/// `None` if they are identical, to the byte.
pub(crate) fn compare(recorded: &Decision<'_>, now: &Redecided) -> Option<Change> {
    let verdict = match now {
        Redecided::Decided(verdict) => verdict,
        Redecided::Undecided(_) => return Some(Change::Undecided),
        Redecided::Fault(_) => return Some(Change::Fault),
        Redecided::Unreached => return Some(Change::Unreached),
    };
    match (recorded, verdict) {
        (Decision::Accepted(before), Verdict::Accepted(now)) => {
            (*before != now.as_slice()).then_some(Change::EventsDiffer)
        }
        (Decision::Rejected(before), Verdict::Rejected(now)) => (*before != now).then_some(Change::RejectionDiffers),
        (Decision::Accepted(_), Verdict::Rejected(_)) => Some(Change::AcceptedToRejected),
        (Decision::Rejected(_), Verdict::Accepted(_)) => Some(Change::RejectedToAccepted),
        (Decision::Redecided(before), _) => match before {
            Redecided::Decided(Verdict::Accepted(events)) => compare(&Decision::Accepted(events), now),
            Redecided::Decided(Verdict::Rejected(rejection)) => compare(&Decision::Rejected(rejection), now),
            // What could not be decided before is no loss.
            _ => None,
        },
    }
}

/// Bytes of a payload that a report shows.
const SHOWN: usize = 4_096;

/// A payload in a report: the value of JSON, else as [`payload_text`].
pub(crate) fn payload_json(payload: &[u8]) -> Value {
    let json = (payload.len() <= SHOWN).then(|| serde_json::from_slice(payload).ok()).flatten();
    json.unwrap_or_else(|| payload_text(payload))
}

/// A payload in a report, to the byte: text as a string, other bytes in hexadecimal, a long one by its beginning and digest.
pub(super) fn payload_text(payload: &[u8]) -> Value {
    if payload.len() > SHOWN {
        let starts = String::from_utf8_lossy(&payload[..SHOWN / 4]);
        return json!({ "bytes": payload.len(), "starts": starts, "sha256": Digest::of(payload) });
    }
    match std::str::from_utf8(payload) {
        Ok(text) => text.into(),
        Err(_) => json!({ "hex": payload.iter().map(|byte| format!("{byte:02x}")).collect::<String>() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_same_to_the_byte_looks_otherwise() {
        let event = |payload: &str| [Message { name: "E".into(), version: 1, payload: payload.into() }];
        let long = |end: &str| format!("\"{}{end}\"", "x".repeat(2 * SHOWN));
        for (one, two) in [
            (r#"{"a":2,"b":1}"#, r#"{"b":1,"a":2}"#),
            ("1.50", "1.5"),
            ("[1]", "[ 1 ]"),
            ("1", "2"),
            (&*long("y"), &*long("z")),
        ] {
            let (one, two) = (event(one), event(two));
            let (before, now) = Decision::Accepted(&one).told_apart(&Decision::Accepted(&two));
            assert_ne!(before, now);
        }
    }
}
