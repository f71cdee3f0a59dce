//! The aircraft leaves New York.

use cantus_sdk::prelude::*;

use super::{Aircraft, AircraftError, Trip, Whereabouts};
use crate::minutes_at_top_speed;
use crate::time::after;

/// Reports that the aircraft left for a flight.
#[command(Aircraft, version = 1, produces = [AircraftReturned, AircraftTookOff])]
pub struct TakeOff {
    /// The flight that it leaves for.
    pub trip: Trip,
}

/// The aircraft has flown back since its last landing. Nobody reported it, but it cannot be otherwise.
#[event(Aircraft, version = 1)]
pub struct AircraftReturned {
    /// Where it had landed.
    pub from: String,
    /// Where it is now.
    pub to: String,
}

/// The aircraft left for a flight.
#[event(Aircraft, version = 1)]
pub struct AircraftTookOff {
    /// The flight that it left for.
    pub trip: Trip,
}

#[command_handler(Aircraft, version = 1)]
impl TakeOffHandler {
    type Error = AircraftError;

    fn handle(
        &self,
        aircraft: &Aircraft,
        cmd: TakeOff,
    ) -> Result<(Option<AircraftReturned>, AircraftTookOff), AircraftError> {
        let returned = match &aircraft.whereabouts {
            Whereabouts::Unknown => None,
            Whereabouts::Airborne(trip) => return Err(AircraftError::StillAirborne { flight: trip.flight.clone() }),
            Whereabouts::Landed { trip, at } => way_back(trip, *at, &cmd.trip)?,
        };
        Ok((returned, AircraftTookOff { trip: cmd.trip }))
    }
}

/// The flight that nobody reported, from the end of the last trip to the start of the next: none if they are one place.
fn way_back(last: &Trip, landed: Timestamp, next: &Trip) -> Result<Option<AircraftReturned>, AircraftError> {
    let stayed = last.destination == next.origin;
    let minutes = if stayed { 0 } else { minutes_at_top_speed(last.distance_miles) };
    let earliest = after(landed, minutes.into()).ok_or(AircraftError::OutsideCalendar)?;
    let (from, departed_at) = (last.destination.clone(), next.departed_at);
    if departed_at < earliest {
        return Err(AircraftError::Elsewhere { airport: from, landed, departed_at });
    }
    Ok((!stayed).then(|| AircraftReturned { from, to: next.origin.clone() }))
}

#[event_combiner(Aircraft, version = 1)]
impl AircraftReturned {
    fn combine(&self, aircraft: &mut Aircraft) {
        aircraft.whereabouts = Whereabouts::Unknown;
    }
}

#[event_combiner(Aircraft, version = 1)]
impl AircraftTookOff {
    fn combine(&self, aircraft: &mut Aircraft) {
        aircraft.flights += 1;
        aircraft.whereabouts = Whereabouts::Airborne(self.trip.clone());
    }
}
