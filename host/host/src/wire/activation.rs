//! Activations that a person made.

use serde_json::{Value, json};

use super::time_text;
use crate::ActivationDone;

/// An activation, with the versions now and before.
pub fn activation_json(done: &ActivationDone) -> Value {
    let ActivationDone { activation, version, before } = done;
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
