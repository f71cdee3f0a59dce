//! The flight leaves its gate.

use cantus_sdk::prelude::*;
use jiff::civil;

use super::{Flight, FlightDelayed, FlightError, LATEST_DEPARTURE_MINUTES, Leg, Phase};
use crate::time::{Clock, after, local_after};

/// Reports that the flight left its gate.
#[command(Flight, version = 1, produces = [FlightDeparted, FlightDelayed])]
pub struct Depart {
    /// New York's time.
    pub clock: Clock,
    /// Behind the schedule; negative when early. It tells the date: the clock alone does not.
    pub delay_minutes: i32,
}

/// The flight left its gate.
#[event(Flight, version = 1)]
pub struct FlightDeparted {
    /// When.
    pub at: Timestamp,
    /// The same in New York's time.
    pub local: civil::DateTime,
    /// Behind the schedule; negative when early.
    pub delay_minutes: i32,
    /// Tail number.
    pub aircraft: String,
}

#[command_handler(Flight, version = 1)]
impl DepartHandler {
    type Error = FlightError;

    fn handle(&self, flight: &Flight, cmd: Depart) -> Result<(FlightDeparted, Option<FlightDelayed>), FlightError> {
        let plan = flight.at_gate()?;
        let aircraft = plan.aircraft.clone().ok_or(FlightError::NoAircraft)?;
        let delay_minutes = cmd.delay_minutes;
        let at = after(plan.departs_at, delay_minutes.into()).ok_or(FlightError::OutsideCalendar)?;
        let local = local_after(plan.departs_local, delay_minutes).ok_or(FlightError::OutsideCalendar)?;
        if !cmd.clock.shows(local) {
            return Err(FlightError::ClockMismatch { clock: cmd.clock, expected: local });
        }
        if let Some(latest_minutes) = LATEST_DEPARTURE_MINUTES.filter(|latest| delay_minutes > *latest) {
            return Err(FlightError::TooLate { delay_minutes, latest_minutes });
        }
        let delayed = FlightDelayed::if_late(Leg::Departure, delay_minutes);
        Ok((FlightDeparted { at, local, delay_minutes, aircraft }, delayed))
    }
}

#[event_combiner(Flight, version = 1)]
impl FlightDeparted {
    fn combine(&self, flight: &mut Flight) {
        flight.phase = Phase::Departed;
        flight.departed_at = Some(self.at);
        flight.delay_minutes = self.delay_minutes;
    }
}
