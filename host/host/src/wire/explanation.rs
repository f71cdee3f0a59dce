//! The JSON form of the explanation of a command.

use cantus_model::{CommandRecord, Outcome, Rejection};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{EventJson, payload_json, time_text};
use crate::Explanation;

/// A recorded command with the states before and after it, its events and its component.
#[derive(Serialize)]
pub struct ExplanationJson<'a> {
    #[serde(flatten)]
    fields: Value,
    outcome: RecordedOutcomeJson<'a>,
    payload: Box<RawValue>,
    events: Vec<Box<RawValue>>,
    state_before: Option<Box<RawValue>>,
    state_after: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum RecordedOutcomeJson<'a> {
    Accepted,
    Rejected { code: &'a str, message: &'a str, detail: Option<Box<RawValue>> },
}

impl<'a> From<&'a Outcome> for RecordedOutcomeJson<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        match outcome {
            Outcome::Accepted { .. } => Self::Accepted,
            Outcome::Rejected(Rejection { code, message, detail }) => {
                Self::Rejected { code, message, detail: detail.as_deref().map(payload_json) }
            }
        }
    }
}

impl<'a> From<&'a Explanation> for ExplanationJson<'a> {
    fn from(explanation: &'a Explanation) -> Self {
        let CommandRecord { aggregate, command, context, .. } = &explanation.record;
        let manifest = explanation.component.as_ref().map(|component| &component.manifest);
        let mut fields = json!({
            "command_id": context.command_id,
            "aggregate": aggregate.aggregate_type,
            "aggregate_id": aggregate.id,
            "command": command.name,
            "command_version": command.version,
            "context": context,
            "recorded_at": time_text(context.now),
            "component": explanation.record.component,
            "plugin": manifest.map(|manifest| &manifest.name),
            "plugin_version": manifest.map(|manifest| &manifest.version),
            "version_before": explanation.record.base_version,
            "version_after": explanation.record.version(),
        });
        if let Err(why) = &explanation.states {
            fields["state_error"] = why.as_str().into();
        }
        let raw = |event| serde_json::value::to_raw_value(&EventJson::from(event)).unwrap_or_default();
        let [before, after] =
            [0, 1].map(|index: usize| explanation.states.as_ref().ok().map(|states| payload_json(&states[index])));
        Self {
            fields,
            outcome: (&explanation.record.outcome).into(),
            payload: payload_json(&command.payload),
            events: explanation.events.iter().map(raw).collect(),
            state_before: before,
            state_after: after,
        }
    }
}
