//! A flight enters the timetable.

use cantus_sdk::prelude::*;
use jiff::civil;

use super::{Flight, FlightError, Phase, Plan};
use crate::time::{Clock, after, minutes_behind};

/// Minutes that New York is behind UTC.
const SUMMER: i64 = 4 * 60;
/// Minutes that New York is behind UTC.
const WINTER: i64 = 5 * 60;

/// Puts the flight into the timetable.
#[command(Flight, version = 1, produces = [FlightScheduled])]
pub struct Schedule {
    /// New York's date at the scheduled departure.
    pub date: civil::Date,
    /// Two letters: `UA`.
    pub carrier: String,
    /// The carrier's number for it.
    pub number: u16,
    /// Three letters: `EWR`.
    pub origin: String,
    /// Three letters: `IAH`.
    pub destination: String,
    /// Tail number, if known.
    pub aircraft: Option<String>,
    /// Scheduled departure in New York's time.
    pub departure_clock: Clock,
    /// The hour of the scheduled departure: it alone ties the local clocks to the world's.
    pub departure_hour: Timestamp,
    /// Scheduled arrival in the destination's local time.
    pub arrival_clock: Clock,
    /// From origin to destination.
    pub distance_miles: u32,
}

/// The flight is in the timetable.
#[event(Flight, version = 1)]
pub struct FlightScheduled {
    /// All that is planned for it.
    pub plan: Plan,
}

impl Schedule {
    /// The id of the flight: `2013-01-01-UA-1545-EWR`.
    pub fn flight_id(&self) -> String {
        format!("{}-{}-{}-{}", self.date, self.carrier, self.number, self.origin)
    }

    /// When the flight should leave: the minutes of the local clock within the hour that is given in UTC.
    ///
    /// New York is four hours behind UTC in summer and five in winter; another difference means that date, clock and
    /// hour do not belong together.
    ///
    /// # Errors
    /// If they do not, or the clock shows no time.
    pub fn departs_at(&self) -> Result<Timestamp, FlightError> {
        let local = self.departs_local()?;
        let at = after(self.departure_hour, local.minute().into()).ok_or(FlightError::OutsideCalendar)?;
        match minutes_behind(local, at) {
            Some(SUMMER | WINTER) => Ok(at),
            _ => Err(FlightError::NotNewYork),
        }
    }

    fn departs_local(&self) -> Result<civil::DateTime, FlightError> {
        let clock = self.departure_clock;
        clock.on(self.date).ok_or(FlightError::NoSuchTime { clock })
    }

    /// Every flight lasts longer than the hours it gains by going west. So the destination's clock is ahead of the one
    /// at departure, and a clock that is behind belongs to the next day.
    fn arrives_local(&self) -> Result<civil::DateTime, FlightError> {
        let clock = self.arrival_clock;
        clock.first_from(self.departs_local()?).ok_or(FlightError::NoSuchTime { clock })
    }

    fn into_plan(self) -> Result<Plan, FlightError> {
        Ok(Plan {
            departs_at: self.departs_at()?,
            departs_local: self.departs_local()?,
            arrives_local: self.arrives_local()?,
            carrier: self.carrier,
            number: self.number,
            origin: self.origin,
            destination: self.destination,
            aircraft: self.aircraft,
            distance_miles: self.distance_miles,
        })
    }
}

#[command_handler(Flight, version = 1)]
impl ScheduleHandler {
    type Error = FlightError;

    fn handle(&self, flight: &Flight, cmd: Schedule, ctx: &Context) -> Result<FlightScheduled, FlightError> {
        if flight.plan.is_some() {
            return Err(FlightError::AlreadyScheduled);
        }
        let expected = cmd.flight_id();
        if ctx.aggregate_id != expected {
            return Err(FlightError::WrongId { expected });
        }
        Ok(FlightScheduled { plan: cmd.into_plan()? })
    }
}

#[event_combiner(Flight, version = 1)]
impl FlightScheduled {
    fn combine(&self, flight: &mut Flight) {
        flight.plan = Some(self.plan.clone());
        flight.phase = Phase::Scheduled;
    }
}
