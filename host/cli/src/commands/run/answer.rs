//! One line of outcome: what became of one line of the input.

use cantus_host::wire::AnswerJson;
use cantus_model::{Answer, Command};
use serde::Serialize;

/// What became of one line.
#[derive(Serialize)]
pub(super) struct OutcomeLine<'a> {
    line: u64,
    #[serde(flatten)]
    asked: Option<CommandRefJson<'a>>,
    #[serde(flatten)]
    result: LineResult<'a>,
}

/// The command that is answered.
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
    /// For a command that was submitted.
    pub(super) fn of(line: u64, command: &'a Command, answer: &'a Answer) -> Self {
        let asked = CommandRefJson {
            id: &command.id,
            aggregate: &command.aggregate.aggregate_type,
            aggregate_id: &command.aggregate.id,
            command: &command.name,
        };
        Self { line, asked: Some(asked), result: LineResult::Answered(answer.into()) }
    }

    /// For a line that is no command.
    pub(super) fn invalid(line: u64, column: usize, message: &'a str) -> Self {
        Self { line, asked: None, result: LineResult::Invalid { outcome: "invalid", column, message } }
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
