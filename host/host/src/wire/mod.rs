//! The JSON forms of commands, outcomes, events, states, explanations, plugins, activations, timelines and errors, which the
//! command line and servers share. Payloads keep their bytes: they are never parsed and printed again.

mod activation;
mod command;
mod error;
mod event;
mod explanation;
mod number;
mod outcome;
mod payload;
mod plugin;
mod state;
mod time;
mod timelines;
mod whatif_command;

pub use activation::{ActivationJson, activation_json};
pub use command::{CommandSyntaxError, new_command_id, parse_command};
pub use error::ErrorJson;
pub use event::EventJson;
pub use explanation::ExplanationJson;
pub use number::count_text;
pub use outcome::{AnswerJson, OutcomePositionJson};
pub use payload::payload_json;
pub use plugin::{PluginJson, checked_text};
pub use state::StateJson;
pub use time::time_text;
pub use timelines::TimelinesJson;
pub use whatif_command::{check_aggregate, parse_whatif_command};
