//! One aircraft: where it is, and how much it has flown. One file per command, with the events that it yields.
//!
//! Only flights *out of* New York are in the data. An aircraft that left for Houston and leaves New York again must have
//! flown back unseen; the rule is that it had the time to. That needs no airport table: the way back is as long as the
//! way there.

mod divert;
mod error;
mod land;
mod take_off;

use cantus_sdk::prelude::*;

pub use divert::{AircraftDiverted, Divert};
pub use error::AircraftError;
pub use land::{AircraftLanded, Land};
pub use take_off::{AircraftReturned, AircraftTookOff, TakeOff};

/// One aircraft, as far as New York sees it. Its id is the tail number: `N14228`.
#[aggregate(snapshot_every = 100)]
pub struct Aircraft {
    /// Where it is.
    pub whereabouts: Whereabouts,
    /// Take-offs in New York.
    pub flights: u64,
    /// In the air on those flights; diverted ones do not count, their time is not recorded.
    pub air_minutes: u64,
    /// On those flights.
    pub distance_miles: u64,
}

/// Where an aircraft is.
#[value]
pub enum Whereabouts {
    /// Not seen yet, or diverted: it may be anywhere.
    #[default]
    Unknown,
    /// In the air.
    Airborne(Trip),
    /// On the ground at the end of a trip.
    Landed {
        /// The trip.
        trip: Trip,
        /// It touched down then or a little later.
        at: Timestamp,
    },
}

/// One flight, as the aircraft sees it.
#[value]
pub struct Trip {
    /// Id of the flight.
    pub flight: String,
    /// Three letters: `EWR`.
    pub origin: String,
    /// Three letters: `IAH`.
    pub destination: String,
    /// From origin to destination.
    pub distance_miles: u32,
    /// When it left its gate.
    pub departed_at: Timestamp,
}

impl Aircraft {
    /// The trip that the aircraft is on, which must be this flight.
    fn flying(&self, flight: &str) -> Result<&Trip, AircraftError> {
        match &self.whereabouts {
            Whereabouts::Airborne(trip) if trip.flight == flight => Ok(trip),
            _ => Err(AircraftError::NotFlying { flight: flight.to_owned() }),
        }
    }
}
