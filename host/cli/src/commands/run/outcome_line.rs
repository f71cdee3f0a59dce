//! The outcome of one line of the input, as a line of JSON.

use cantus_host::wire::AnswerJson;
use cantus_model::{Answer, Command};
use serde::Serialize;

/// The outcome of one line.
#[derive(Serialize)]
pub(super) struct OutcomeLine<'a> {
    line: u64,
    #[serde(flatten)]
    command: Option<CommandRefJson<'a>>,
    #[serde(flatten)]
    result: LineResult<'a>,
}

/// The names of the command that was answered.
#[derive(Serialize)]
struct CommandRefJson<'a> {
    id: &'a str,
    aggregate: &'a str,
    aggregate_id: &'a str,
    command: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LineResult<'a> {
    Answered(AnswerJson<'a>),
    Invalid { outcome: &'static str, column: usize, message: &'a str },
}

impl<'a> OutcomeLine<'a> {
    /// The outcome of a command.
    pub(super) fn answered(line: u64, command: &'a Command, answer: &'a Answer) -> Self {
        let names = CommandRefJson {
            id: &command.id,
            aggregate: &command.aggregate.aggregate_type,
            aggregate_id: &command.aggregate.id,
            command: &command.name,
        };
        Self { line, command: Some(names), result: LineResult::Answered(answer.into()) }
    }

    /// The outcome of a line that is not a command.
    pub(super) fn invalid(line: u64, column: usize, message: &'a str) -> Self {
        Self { line, command: None, result: LineResult::Invalid { outcome: "invalid", column, message } }
    }

    /// Serialises the outcome, with a line end.
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
