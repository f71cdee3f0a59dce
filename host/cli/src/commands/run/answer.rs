//! One line of outcome: what became of one line of the input.

use cantus_model::{Answer, Command, CommandError, Fault, Outcome};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::render;

/// What became of one line.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    line: u64,
    #[serde(flatten)]
    asked: Option<Asked<'a>>,
    #[serde(flatten)]
    result: Result<'a>,
}

/// The command that is answered.
#[derive(Serialize)]
struct Asked<'a> {
    id: &'a str,
    aggregate: &'a str,
    aggregate_id: &'a str,
    command: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum Result<'a> {
    Accepted {
        events: u32,
        #[serde(flatten)]
        at: At,
    },
    Rejected {
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<Box<RawValue>>,
        #[serde(flatten)]
        at: At,
    },
    Failed {
        code: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<&'a Fault>,
    },
    Invalid {
        column: usize,
        message: &'a str,
    },
}

#[derive(Serialize)]
struct At {
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_offset: Option<u64>,
    duplicate: bool,
    component: String,
}

impl<'a> Line<'a> {
    /// For a command that was submitted.
    pub(super) fn of(line: u64, command: &'a Command, answer: &'a Answer) -> Self {
        let asked = Asked {
            id: &command.id,
            aggregate: &command.aggregate.aggregate_type,
            aggregate_id: &command.aggregate.id,
            command: &command.name,
        };
        Self { line, asked: Some(asked), result: result(answer) }
    }

    /// For a line that is no command.
    pub(super) fn invalid(line: u64, column: usize, message: &'a str) -> Self {
        Self { line, asked: None, result: Result::Invalid { column, message } }
    }

    /// As JSON with its line end.
    pub(super) fn json(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_else(|error| {
            format!(
                "{{\"line\":{},\"outcome\":\"failed\",\"code\":\"unprintable\",\"message\":\"{error}\"}}",
                self.line
            )
        });
        text.push('\n');
        text
    }
}

fn result(answer: &Answer) -> Result<'_> {
    match answer {
        Ok(decided) => {
            let at = At {
                version: decided.version,
                first_offset: decided.first_offset,
                duplicate: decided.duplicate,
                component: decided.component.to_string(),
            };
            match &decided.outcome {
                Outcome::Accepted { events } => Result::Accepted { events: *events, at },
                Outcome::Rejected(rejection) => Result::Rejected {
                    code: &rejection.code,
                    message: &rejection.message,
                    detail: rejection.detail.as_deref().map(render::payload_json),
                    at,
                },
            }
        }
        Err(error) => {
            let fault = match error {
                CommandError::Fault(fault) => Some(&**fault),
                _ => None,
            };
            Result::Failed { code: error.code(), message: error.to_string(), fault }
        }
    }
}
