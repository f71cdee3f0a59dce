//! The flight goes elsewhere. The data does not say where to, nor when.

use cantus_sdk::prelude::*;

use super::{Flight, FlightError, Phase};

/// Reports that the flight, once on its way, went elsewhere.
#[command(Flight, version = 1, produces = [FlightDiverted])]
pub struct Divert {}

/// The flight went elsewhere. It may still reach its destination, later.
#[event(Flight, version = 1)]
pub struct FlightDiverted {}

#[command_handler(Flight, version = 1)]
impl DivertHandler {
    type Error = FlightError;

    fn handle(&self, flight: &Flight, _cmd: Divert) -> Result<FlightDiverted, FlightError> {
        flight.under_way()?;
        if flight.phase == Phase::Diverted { Err(FlightError::AlreadyDiverted) } else { Ok(FlightDiverted {}) }
    }
}

#[event_combiner(Flight, version = 1)]
impl FlightDiverted {
    fn combine(&self, flight: &mut Flight) {
        flight.phase = Phase::Diverted;
    }
}
