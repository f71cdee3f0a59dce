//! The JSON forms of commands, outcomes, events, states, explanations, activations and errors: the same on the command line and
//! for whatever serves requests. Payloads travel as bytes: they are never parsed and printed again.

mod activation;
mod command;
mod error;
mod event;
mod explanation;
mod outcome;
mod payload;
mod state;
mod time;

pub use activation::activation_json;
pub use command::{CommandSyntaxError, new_command_id, parse_command};
pub use error::ErrorJson;
pub use event::EventJson;
pub use explanation::ExplanationJson;
pub use outcome::AnswerJson;
pub use payload::payload_json;
pub use state::StateJson;
pub use time::time_text;
