//! One command in the form that `cantus run` reads: a JSON object a line.

use cantus_sdk::{Aggregate, Command};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// One command for an aggregate.
#[derive(Debug, Serialize)]
pub struct CommandLine {
    /// The same for the same report, so that a repeated one is answered with the first one's outcome.
    pub id: String,
    /// The aggregate type.
    pub aggregate: &'static str,
    /// Which one.
    pub aggregate_id: String,
    /// The name of the command.
    pub command: &'static str,
    /// The command's version.
    pub version: u32,
    /// The command's body as JSON.
    pub payload: Box<RawValue>,
    /// The carrier, which reports it.
    pub actor: String,
}

impl CommandLine {
    /// The line of one command.
    ///
    /// # Errors
    /// If the command does not encode as JSON.
    pub(super) fn new<C: Command>(
        id: String,
        aggregate_id: &str,
        actor: &str,
        command: &C,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id,
            aggregate: C::Aggregate::NAME,
            aggregate_id: aggregate_id.to_owned(),
            command: C::KIND.name,
            version: C::KIND.version,
            payload: to_raw_value(command)?,
            actor: actor.to_owned(),
        })
    }
}
