//! Delays worth a fact of their own. There is no command: departures and arrivals bring them about.

use cantus_sdk::prelude::*;

use super::Flight;

/// A flight counts as late from this many minutes on. Fifteen is the definition of the bureau and the airlines; the next
/// release is stricter.
pub const LATE_FROM_MINUTES: i32 = if cfg!(feature = "release-1.1") { 10 } else { 15 };

/// A departure further behind its schedule must be scheduled anew. A rule of the next release; this one has none.
pub const LATEST_DEPARTURE_MINUTES: Option<i32> = if cfg!(feature = "release-1.1") { Some(3 * 60) } else { None };

/// The flight counts as late.
#[event(Flight, version = 1)]
pub struct FlightDelayed {
    /// Where it was late.
    pub leg: Leg,
    /// Behind the schedule; at least [`LATE_FROM_MINUTES`].
    pub delay_minutes: i32,
}

/// Where a flight was late.
#[value]
#[derive(Copy)]
pub enum Leg {
    /// Leaving its gate.
    Departure,
    /// Reaching its destination.
    Arrival,
}

impl FlightDelayed {
    /// The fact, if so much behind the schedule counts as late.
    pub(super) fn if_late(leg: Leg, delay_minutes: i32) -> Option<Self> {
        (delay_minutes >= LATE_FROM_MINUTES).then_some(Self { leg, delay_minutes })
    }
}

#[event_combiner(Flight, version = 1)]
impl FlightDelayed {
    fn combine(&self, flight: &mut Flight) {
        flight.late = true;
    }
}
