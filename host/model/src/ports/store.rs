//! All ports of a store together.

use super::{ActivationLog, HistorySource, Hydrator, Journal};

/// Offers every port of a store. Opening a store returns it; a use case takes only the ports that it needs (`Arc<dyn
/// Store>` coerces to `Arc<dyn Journal>` and so on), so that a new port changes only its users.
pub trait Store: Journal + Hydrator + HistorySource + ActivationLog + 'static {}

impl<T: Journal + Hydrator + HistorySource + ActivationLog + 'static> Store for T {}
