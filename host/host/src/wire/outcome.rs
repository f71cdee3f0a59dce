//! Outcomes of commands.

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
        /// Count of events that it produced.
        events: u32,
        /// Where it stands in the log.
        #[serde(flatten)]
        place: PlaceJson,
    },
    /// The domain rejected the command.
    Rejected {
        /// The domain's code.
        code: &'a str,
        /// The domain's message.
        message: &'a str,
        /// The domain's error itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<Box<RawValue>>,
        /// Where it stands in the log.
        #[serde(flatten)]
        place: PlaceJson,
    },
    /// The command was not decided.
    Failed(ErrorJson<'a>),
}

/// Where an outcome stands in the log, and who decided.
#[derive(Serialize)]
pub struct PlaceJson {
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_offset: Option<u64>,
    duplicate: bool,
    component: String,
}

impl From<&DurableOutcome> for PlaceJson {
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
                Outcome::Accepted { events } => Self::Accepted { events: *events, place: durable.into() },
                Outcome::Rejected(rejection) => Self::Rejected {
                    code: &rejection.code,
                    message: &rejection.message,
                    detail: rejection.detail.as_deref().map(payload_json),
                    place: durable.into(),
                },
            },
        }
    }
}
