//! Commands and their handlers.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Aggregate, Context, Failure, Message, MessageKind};

/// A request to an aggregate. Implemented by `#[command]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    note = "write `#[command(<Aggregate>, version = 1, produces = [..])] pub struct {Self} {{ .. }}`"
)]
pub trait Command: Serialize + DeserializeOwned + JsonSchema + 'static {
    /// The aggregate that decides it.
    type Aggregate: Aggregate;
    /// Its name and version.
    const KIND: MessageKind;
    /// The events that its handler may return.
    const PRODUCES: &'static [MessageKind];
}

/// A command that lists `E` in its `produces`. Implemented by `#[command]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not list `{E}` in its `produces`",
    label = "this handler returns `{E}`",
    note = "add it: `#[command(.., produces = [.., {E}])]` on `{Self}`"
)]
pub trait Produces<E> {}

/// A command's handler. Implemented by `#[command_handler]`, once for each command: the compiler refuses a second
/// implementation, and so a second handler.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the command `{Self}` has no handler",
    label = "no `#[command_handler]` handles this command",
    note = "write `#[command_handler(<Aggregate>, version = <n>)] impl {Self}Handler {{ type Error = ..; fn handle(&self, state: &<Aggregate>, cmd: {Self}) -> Result<.., ..> {{ .. }} }}`"
)]
pub trait OneHandlerPerCommand: Command {
    /// Decides the command and encodes the events.
    fn decide(self, state: &Self::Aggregate, context: &Context) -> Result<Vec<Message>, Failure>;
}

/// Implemented for the aggregate by each of its commands, with a hash of the name: a second implementation means two
/// commands of one name and version.
#[doc(hidden)]
pub trait CommandVersionIsUnique<const NAME: u64, const VERSION: u32> {}
