//! The flight will not leave.

use cantus_sdk::prelude::*;

use super::{Flight, FlightError, Phase};

/// Cancels the flight, which must still wait at its gate.
#[command(Flight, version = 1, produces = [FlightCancelled])]
pub struct Cancel {}

/// The flight will not leave.
#[event(Flight, version = 1)]
pub struct FlightCancelled {}

#[command_handler(Flight, version = 1)]
impl CancelHandler {
    type Error = FlightError;

    fn handle(&self, flight: &Flight, _cmd: Cancel) -> Result<FlightCancelled, FlightError> {
        flight.at_gate()?;
        Ok(FlightCancelled {})
    }
}

#[event_combiner(Flight, version = 1)]
impl FlightCancelled {
    fn combine(&self, flight: &mut Flight) {
        flight.phase = Phase::Cancelled;
    }
}
