//! Write Cantus aggregates in Rust.
//!
//! A plugin is a crate with `crate-type = ["cdylib", "rlib"]` whose only dependency is this one. It declares aggregates,
//! commands, events, a handler for each command and a combiner for each event; `cargo build --target wasm32-wasip2
//! --release` writes the component. There is nothing to register and nothing to export: what the crate declares, in any
//! module, is in the component.
//!
//! ```
//! use cantus_sdk::prelude::*;
//!
//! #[aggregate(snapshot_every = 100)]
//! pub struct Lamp {
//!     on: bool,
//! }
//!
//! #[command(Lamp, version = 1, produces = [SwitchedOn])]
//! pub struct SwitchOn;
//!
//! #[command_handler(Lamp, version = 1)]
//! impl SwitchOnHandler {
//!     type Error = LampError;
//!     fn handle(&self, state: &Lamp, _: SwitchOn) -> Result<SwitchedOn, LampError> {
//!         if state.on { Err(LampError::AlreadyOn) } else { Ok(SwitchedOn {}) }
//!     }
//! }
//!
//! #[event(Lamp, version = 1)]
//! pub struct SwitchedOn {}
//!
//! #[event_combiner(Lamp, version = 1)]
//! impl SwitchedOn {
//!     fn combine(&self, state: &mut Lamp) {
//!         state.on = true;
//!     }
//! }
//!
//! #[rejection]
//! pub enum LampError {
//!     #[message("the lamp is on already")]
//!     AlreadyOn,
//! }
//!
//! use cantus_sdk::testing::given;
//! given::<Lamp>("hall").when(SwitchOn).then(SwitchedOn {}).when(SwitchOn).then_rejected("already-on");
//! ```
//!
//! Payloads and snapshots are JSON. A command with a field that it does not know is refused, so that a misspelt optional
//! field is noticed; an event's unknown fields are ignored, so that a field can be dropped without a new version.
//!
//! A handler decides on state, command and [`Context`] alone. It has no clock and no randomness but those of the context.
//! A panic is a fault of the plugin: the host reports it with the message, and records nothing.

#[cfg(test)]
extern crate self as cantus_sdk;

mod aggregate;
mod command;
mod context;
mod event;
mod events;
mod fold;
mod instance;
mod manifest;
mod message;
mod registry;
mod rejection;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod timestamp;
#[cfg(target_family = "wasm")]
mod wasm;

pub use aggregate::Aggregate;
pub use cantus_sdk_macros::{
    aggregate, command, command_handler, event, event_combiner, event_upcaster, rejection, value,
};
pub use command::{Command, Produces};
pub use context::{Context, Random};
pub use event::{Event, EventOf};
pub use events::{Events, IntoEvents};
pub use instance::{EventRef, Instance, upcast};
pub use manifest::{AggregateType, CommandType, EventType, Manifest, describe};
pub use message::{Failure, Message, MessageKind};
pub use rejection::{IntoRejection, Rejection};
pub use serde;
pub use timestamp::{ParseTimestampError, Timestamp};

/// Everything that a plugin's modules need: `use cantus_sdk::prelude::*`.
pub mod prelude {
    pub use crate::{
        Aggregate, Context, Events, IntoRejection, Rejection, Timestamp, aggregate, command, command_handler, event,
        event_combiner, event_upcaster, rejection, value,
    };
}

/// Items that the macros' expansions use. Not an interface for plugins.
#[doc(hidden)]
pub mod __private {
    pub use crate::{
        command::{CommandVersionIsUnique, OneHandlerPerCommand},
        event::EventVersionIsUnique,
        event::kind_of,
        events::encode,
        fold::OneCombinerOrUpcasterPerEvent,
        message::{EmptyCommand, EmptyEvent},
        registry::{AggregateEntry, CommandEntry, EventEntry},
    };
    pub use inventory;
    pub use schemars;
    pub use serde;
    pub use serde_json;
}

/// The README's example compiles as it stands.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
