//! One flight: its plan and its progress. Each command has a file, together with its events.

mod arrive;
mod cancel;
mod delay;
mod depart;
mod divert;
mod error;
mod schedule;

use cantus_sdk::prelude::*;
use jiff::civil;

pub use arrive::{Arrive, FlightArrived};
pub use cancel::{Cancel, FlightCancelled};
pub use delay::{FlightDelayed, LATE_FROM_MINUTES, LATEST_DEPARTURE_MINUTES, Leg};
pub use depart::{Depart, FlightDeparted};
pub use divert::{Divert, FlightDiverted};
pub use error::FlightError;
pub use schedule::{FlightScheduled, Schedule};

/// One flight out of New York. Its id is date, carrier, number and origin: `2013-01-01-UA-1545-EWR`.
#[aggregate(snapshot_every = 0)]
pub struct Flight {
    /// The plan, once the flight is scheduled.
    pub plan: Option<Plan>,
    /// Its progress.
    pub phase: Phase,
    /// When it left the gate.
    pub departed_at: Option<Timestamp>,
    /// When it arrived, in the destination's local time.
    pub arrived_local: Option<civil::DateTime>,
    /// Minutes behind the schedule at the last report; negative when early.
    pub delay_minutes: i32,
    /// Did it count as late, at either end?
    pub late: bool,
    /// From its gate to touchdown. A field of the release after the next.
    #[cfg(feature = "release-1.2")]
    pub travel_minutes: u64,
}

/// The progress of a flight.
#[value]
#[derive(Copy)]
pub enum Phase {
    /// Nothing is known of it.
    #[default]
    Unscheduled,
    /// It waits at its gate.
    Scheduled,
    /// On its way to its destination.
    Departed,
    /// On its way elsewhere; it may yet reach its destination.
    Diverted,
    /// At its destination.
    Arrived,
    /// It never left.
    Cancelled,
}

/// The plan of a flight.
#[value]
pub struct Plan {
    /// Two letters: `UA`.
    pub carrier: String,
    /// The carrier's number for it.
    pub number: u16,
    /// Three letters: `EWR`.
    pub origin: String,
    /// Three letters: `IAH`.
    pub destination: String,
    /// Tail number; not known for some flights that were cancelled.
    pub aircraft: Option<String>,
    /// When it should leave the gate.
    pub departs_at: Timestamp,
    /// The same in New York's time.
    pub departs_local: civil::DateTime,
    /// When it should arrive, in the destination's local time.
    pub arrives_local: civil::DateTime,
    /// From origin to destination.
    pub distance_miles: u32,
}

impl Flight {
    /// The plan of a flight that waits at its gate.
    fn at_gate(&self) -> Result<&Plan, FlightError> {
        match (&self.plan, self.phase) {
            (Some(plan), Phase::Scheduled) => Ok(plan),
            (None, _) | (_, Phase::Unscheduled) => Err(FlightError::NotScheduled),
            (_, Phase::Cancelled) => Err(FlightError::Cancelled),
            (_, Phase::Departed | Phase::Diverted | Phase::Arrived) => Err(FlightError::AlreadyDeparted),
        }
    }

    /// The plan of a flight that is on its way, and when it left.
    fn under_way(&self) -> Result<(&Plan, Timestamp), FlightError> {
        match (&self.plan, self.departed_at, self.phase) {
            (_, _, Phase::Arrived) => Err(FlightError::AlreadyArrived),
            (_, _, Phase::Cancelled) => Err(FlightError::Cancelled),
            (Some(plan), Some(departed_at), _) => Ok((plan, departed_at)),
            (None, ..) => Err(FlightError::NotScheduled),
            (_, None, _) => Err(FlightError::NotDeparted),
        }
    }
}
