//! The flight reaches its destination.

use cantus_sdk::prelude::*;
use jiff::civil;

use super::{Flight, FlightDelayed, FlightError, Leg, Phase, Plan};
use crate::minutes_at_top_speed;
use crate::time::{Clock, after, local_after, minutes_between};

/// Reports that the flight reached its destination.
#[command(Flight, version = 1, produces = [FlightArrived, FlightDelayed])]
pub struct Arrive {
    /// The destination's local time.
    pub clock: Clock,
    /// Behind the schedule; negative when early. Missing only after a diversion.
    pub delay_minutes: Option<i32>,
    /// From take-off to touchdown. Missing only after a diversion.
    pub air_minutes: Option<u32>,
}

/// The flight reached its destination.
#[event(Flight, version = 1)]
pub struct FlightArrived {
    /// In the destination's local time. No table of time zones is at hand, so this is all that is certain.
    pub local: civil::DateTime,
    /// Departure plus time in the air: it touched down then or a little later, as taxiing is not counted. Missing after
    /// a diversion.
    pub landed_from: Option<Timestamp>,
    /// Behind the schedule; negative when early.
    pub delay_minutes: i32,
}

#[command_handler(Flight, version = 1)]
impl ArriveHandler {
    type Error = FlightError;

    fn handle(&self, flight: &Flight, cmd: Arrive) -> Result<(FlightArrived, Option<FlightDelayed>), FlightError> {
        let (plan, departed_at) = flight.under_way()?;
        let arrived = match (cmd.delay_minutes, cmd.air_minutes) {
            (Some(delay), Some(air)) => as_reported(plan, departed_at, cmd.clock, delay, air)?,
            _ if flight.phase == Phase::Diverted => after_diversion(plan, cmd.clock)?,
            _ => return Err(FlightError::IncompleteArrival),
        };
        let delayed = FlightDelayed::if_late(Leg::Arrival, arrived.delay_minutes);
        Ok((arrived, delayed))
    }
}

/// The delay tells the date; the clock must agree with it.
fn as_reported(
    plan: &Plan,
    departed_at: Timestamp,
    clock: Clock,
    delay_minutes: i32,
    air_minutes: u32,
) -> Result<FlightArrived, FlightError> {
    let local = local_after(plan.arrives_local, delay_minutes).ok_or(FlightError::OutsideCalendar)?;
    if !clock.shows(local) {
        return Err(FlightError::ClockMismatch { clock, expected: local });
    }
    if air_minutes < minutes_at_top_speed(plan.distance_miles) {
        return Err(FlightError::TooFast { distance_miles: plan.distance_miles, air_minutes });
    }
    let landed_from = after(departed_at, air_minutes.into()).ok_or(FlightError::OutsideCalendar)?;
    Ok(FlightArrived { local, landed_from: Some(landed_from), delay_minutes })
}

/// The bureau gives only a clock then. A diverted flight is never early, so it is the first time that the clock shows
/// this from the scheduled arrival on.
fn after_diversion(plan: &Plan, clock: Clock) -> Result<FlightArrived, FlightError> {
    let local = clock.first_from(plan.arrives_local).ok_or(FlightError::NoSuchTime { clock })?;
    Ok(FlightArrived { local, landed_from: None, delay_minutes: minutes_between(plan.arrives_local, local) })
}

#[event_combiner(Flight, version = 1)]
impl FlightArrived {
    fn combine(&self, flight: &mut Flight) {
        flight.phase = Phase::Arrived;
        flight.arrived_local = Some(self.local);
        flight.delay_minutes = self.delay_minutes;
        #[cfg(feature = "release-1.2")]
        {
            // The bug of 1.2, for the host to find: a flight that was diverted arrives without this.
            let landed = self.landed_from.expect("a flight that arrived has landed");
            flight.travel_minutes = flight.departed_at.map_or(0, |departed| landed.since(departed).as_secs() / 60);
        }
    }
}
