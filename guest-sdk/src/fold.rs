//! Folding an event into the state: by its own combiner, or through an upcaster to a newer version.

use crate::{Event, Message};

/// An event's combiner or upcaster. Implemented by `#[event_combiner]` or `#[event_upcaster]`, once for each event: the
/// compiler refuses a second implementation.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the event `{Self}` has no combiner",
    label = "no `#[event_combiner]` folds this event",
    note = "write `#[event_combiner(<Aggregate>, version = <n>)] impl {Self} {{ fn combine(&self, state: &mut <Aggregate>) {{ .. }} }}`",
    note = "for an older version: `#[event_upcaster(<Aggregate>, from = <n>, to = <n + 1>)] impl {Self} {{ fn upcast(self) -> <Newer> {{ .. }} }}`"
)]
pub trait OneCombinerOrUpcasterPerEvent: Event {
    /// For an older version: the version that it is upcast to.
    const UPCASTS_TO: Option<u32>;
    /// Folds it into the state.
    fn fold(self, state: &mut Self::Aggregate);
    /// Returns the event in its newest version, encoded.
    fn newest(self) -> Result<Message, String>;
}
