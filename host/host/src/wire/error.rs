//! The JSON form of the error of a command: a code for programs, and a message for people.

use cantus_model::{CommandError, Fault};
use serde::Serialize;

/// The error of a command.
#[derive(Serialize)]
pub struct ErrorJson<'a> {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a Fault>,
}

impl<'a> From<&'a CommandError> for ErrorJson<'a> {
    fn from(error: &'a CommandError) -> Self {
        let fault = match error {
            CommandError::Fault(fault) => Some(&**fault),
            _ => None,
        };
        Self { code: error.code(), message: error.to_string(), fault }
    }
}
