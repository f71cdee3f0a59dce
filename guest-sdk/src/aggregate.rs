//! The aggregate: a consistency boundary with a state that its events build.

use serde::{Serialize, de::DeserializeOwned};

/// The state of one aggregate. Implemented by `#[aggregate]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    note = "write `#[aggregate(snapshot_every = 100)] pub struct {Self} {{ .. }}`"
)]
pub trait Aggregate: Default + Serialize + DeserializeOwned + 'static {
    /// The aggregate type's name, unique within a host.
    const NAME: &'static str;
    /// A snapshot is due after this many events; 0 means never.
    const SNAPSHOT_EVERY: u32;
}
