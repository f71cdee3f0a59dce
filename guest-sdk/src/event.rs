//! Events: the facts that make up the state of an aggregate.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Aggregate, MessageKind};

/// A fact about an aggregate. Implemented by `#[event]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    note = "write `#[event(<Aggregate>, version = 1)] pub struct {Self} {{ .. }}`"
)]
pub trait Event: Serialize + DeserializeOwned + JsonSchema + 'static {
    /// The aggregate that it belongs to.
    type Aggregate: Aggregate;
    /// Its name and version.
    const KIND: MessageKind;
}

/// An event of the aggregate `A`. Implemented by `#[event]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event of `{A}`",
    label = "not an event of `{A}`",
    note = "write `#[event({A}, version = 1)] pub struct {Self} {{ .. }}`"
)]
pub trait EventOf<A>: Event<Aggregate = A> {}

/// Implemented for the aggregate by each of its events, with a hash of the name: a second implementation means two
/// events of one name and version.
#[doc(hidden)]
pub trait EventVersionIsUnique<const NAME: u64, const VERSION: u32> {}

/// Returns the kind of an event, which must belong to the aggregate `A`.
#[doc(hidden)]
pub const fn kind_of<E: EventOf<A>, A: Aggregate>() -> MessageKind {
    E::KIND
}
