//! All ports of a store together.

use super::{ActivationLog, ComponentStore, HistorySource, Hydrator, Journal};

/// Offers every port of a store. Opening a store gives one; a use case takes only the ports that it needs
/// (`Arc<dyn Store>` coerces to `Arc<dyn Journal>` and so on), so that a new port changes nothing but its users.
pub trait Store: Journal + Hydrator + HistorySource + ActivationLog + ComponentStore + 'static {}

impl<T: Journal + Hydrator + HistorySource + ActivationLog + ComponentStore + 'static> Store for T {}
