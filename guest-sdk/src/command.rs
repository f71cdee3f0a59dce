//! Commands and who handles them.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Aggregate, Context, Failure, Kind, Message};

/// A request to an aggregate. Implemented by `#[command]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no command",
    note = "write `#[command(<Aggregate>, version = 1, produces = [..])] pub struct {Self} {{ .. }}`"
)]
pub trait Command: Serialize + DeserializeOwned + JsonSchema + 'static {
    /// Whom it is for.
    type Aggregate: Aggregate;
    /// Its name and version.
    const KIND: Kind;
    /// The events that its handler may return.
    const PRODUCES: &'static [Kind];
}

/// The command lists `E` in its `produces`. Implemented by `#[command]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say that it produces `{E}`",
    label = "this handler returns `{E}`",
    note = "add it: `#[command(.., produces = [.., {E}])]` on `{Self}`"
)]
pub trait Produces<E> {}

/// A command's handler. Implemented by `#[command_handler]`, once for each command: a second implementation is the
/// compiler's way to say that there are two handlers.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the command `{Self}` has no handler",
    label = "no `#[command_handler]` handles this command",
    note = "write `#[command_handler(<Aggregate>, version = <n>)] impl {Self}Handler {{ type Error = ..; fn handle(&self, state: &<Aggregate>, cmd: {Self}) -> Result<.., ..> {{ .. }} }}`"
)]
pub trait OneHandlerPerCommand: Command {
    /// Decides, and encodes the events.
    fn decide(self, state: &Self::Aggregate, context: &Context) -> Result<Vec<Message>, Failure>;
}

/// Implemented for the aggregate by each of its commands, with a hash of the name: a second implementation means two
/// commands of one name and version.
#[doc(hidden)]
pub trait CommandVersionIsUnique<const NAME: u64, const VERSION: u32> {}
