//! Events: facts that an aggregate is built from.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Aggregate, Kind};

/// A fact. Implemented by `#[event]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    note = "write `#[event(<Aggregate>, version = 1)] pub struct {Self} {{ .. }}`"
)]
pub trait Event: Serialize + DeserializeOwned + JsonSchema + 'static {
    /// Whose fact.
    type Aggregate: Aggregate;
    /// Its name and version.
    const KIND: Kind;
}

/// An event of the aggregate `A`. Implemented by `#[event]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event of `{A}`",
    label = "not an event of `{A}`",
    note = "write `#[event({A}, version = 1)] pub struct {Self} {{ .. }}`"
)]
pub trait EventOf<A>: Event<Aggregate = A> {}

/// Implemented for the aggregate by each of its events, with a hash of the name: a second implementation means two
/// events of one name and version.
#[doc(hidden)]
pub trait EventVersionIsUnique<const NAME: u64, const VERSION: u32> {}

/// The kind of an event that must be one of the aggregate `A`.
#[doc(hidden)]
pub const fn kind_of<E: EventOf<A>, A: Aggregate>() -> Kind {
    E::KIND
}
