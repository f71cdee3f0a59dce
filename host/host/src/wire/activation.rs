//! The JSON forms of activations.

use cantus_model::{ActivationCause, Digest};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::time_text;
use crate::RecordedActivation;

/// The JSON form of an activation that was just recorded, with the versions now and before.
pub fn activation_json(recorded: &RecordedActivation) -> Value {
    let RecordedActivation { activation, version, before } = recorded;
    json!({
        "n": activation.seq,
        "at": time_text(activation.at),
        "plugin": activation.plugin,
        "cause": activation.cause,
        "version": version.as_ref().map(ToString::to_string).unwrap_or_default(),
        "digest": activation.to,
        "before": before.as_ref().map(ToString::to_string),
        "who": activation.who,
        "why": activation.why,
    })
}

/// An activation in the history of a plugin, with its verification report.
#[derive(Serialize)]
pub struct ActivationJson<'a> {
    n: u64,
    at: String,
    plugin: &'a str,
    cause: ActivationCause,
    from: Option<Digest>,
    from_version: Option<String>,
    to: Option<Digest>,
    to_version: Option<String>,
    who: &'a str,
    why: &'a str,
    /// The recorded bytes, unchanged.
    report: Option<&'a RawValue>,
}

impl<'a> From<&'a RecordedActivation> for ActivationJson<'a> {
    fn from(RecordedActivation { activation, version, before }: &'a RecordedActivation) -> Self {
        Self {
            n: activation.seq,
            at: time_text(activation.at),
            plugin: &activation.plugin,
            cause: activation.cause,
            from: activation.from,
            from_version: before.as_ref().map(ToString::to_string),
            to: activation.to,
            to_version: version.as_ref().map(ToString::to_string),
            who: &activation.who,
            why: &activation.why,
            report: activation.report.as_ref().and_then(|report| serde_json::from_str(report).ok()),
        }
    }
}
