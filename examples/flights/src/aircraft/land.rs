//! The aircraft touches down at the end of its trip.

use cantus_sdk::prelude::*;

use super::{Aircraft, AircraftError, Whereabouts};
use crate::time::after;

/// Reports that the aircraft landed where its flight was bound for.
#[command(Aircraft, version = 1, produces = [AircraftLanded])]
pub struct Land {
    /// Id of the flight.
    pub flight: String,
    /// From take-off to touchdown.
    pub air_minutes: u32,
}

/// The aircraft landed where its flight was bound for.
#[event(Aircraft, version = 1)]
pub struct AircraftLanded {
    /// Id of the flight.
    pub flight: String,
    /// Three letters: `IAH`.
    pub airport: String,
    /// Departure plus time in the air: it touched down then or a little later, as taxiing is not counted.
    pub at: Timestamp,
    /// From take-off to touchdown.
    pub air_minutes: u32,
}

#[command_handler(Aircraft, version = 1)]
impl LandHandler {
    type Error = AircraftError;

    fn handle(&self, aircraft: &Aircraft, cmd: Land) -> Result<AircraftLanded, AircraftError> {
        let trip = aircraft.flying(&cmd.flight)?;
        let Land { flight, air_minutes } = cmd;
        let at = after(trip.departed_at, air_minutes.into()).ok_or(AircraftError::OutsideCalendar)?;
        Ok(AircraftLanded { flight, airport: trip.destination.clone(), at, air_minutes })
    }
}

#[event_combiner(Aircraft, version = 1)]
impl AircraftLanded {
    fn combine(&self, aircraft: &mut Aircraft) {
        if let Whereabouts::Airborne(trip) = &aircraft.whereabouts {
            aircraft.air_minutes += u64::from(self.air_minutes);
            aircraft.distance_miles += u64::from(trip.distance_miles);
            aircraft.whereabouts = Whereabouts::Landed { trip: trip.clone(), at: self.at };
        }
    }
}
