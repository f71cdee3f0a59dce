//! The JSON form of the answer to a command.

use cantus_model::{Answer, DurableOutcome, Outcome};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{ErrorJson, payload_json};

/// The answer to a command: its durable outcome, or an error.
#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum AnswerJson<'a> {
    /// The command was accepted.
    Accepted {
        /// The count of events that the command produced.
        events: u32,
        /// The position in the log, and the component that decided.
        #[serde(flatten)]
        position: OutcomePositionJson,
    },
    /// The domain rejected the command.
    Rejected {
        /// The code of the domain's error.
        code: &'a str,
        /// The message of the domain's error.
        message: &'a str,
        /// The domain's error as a value, if it has fields.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<Box<RawValue>>,
        /// The position in the log, and the component that decided.
        #[serde(flatten)]
        position: OutcomePositionJson,
    },
    /// The command was not decided.
    Failed(ErrorJson<'a>),
}

/// The position of an outcome in the log, and the component that decided.
#[derive(Serialize)]
pub struct OutcomePositionJson {
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_offset: Option<u64>,
    duplicate: bool,
    component: String,
}

impl From<&DurableOutcome> for OutcomePositionJson {
    fn from(outcome: &DurableOutcome) -> Self {
        Self {
            version: outcome.version,
            first_offset: outcome.first_offset,
            duplicate: outcome.duplicate,
            component: outcome.component.to_string(),
        }
    }
}

impl<'a> From<&'a Answer> for AnswerJson<'a> {
    fn from(answer: &'a Answer) -> Self {
        match answer {
            Err(error) => Self::Failed(error.into()),
            Ok(durable) => match &durable.outcome {
                Outcome::Accepted { events } => Self::Accepted { events: *events, position: durable.into() },
                Outcome::Rejected(rejection) => Self::Rejected {
                    code: &rejection.code,
                    message: &rejection.message,
                    detail: rejection.detail.as_deref().map(payload_json),
                    position: durable.into(),
                },
            },
        }
    }
}
