//! One line of the table: one flight, as the commands that report it.

use cantus_sdk::Timestamp;
use jiff::civil;

use super::{
    FeedError,
    columns::{Columns, Fields},
};
use crate::flight::{Arrive, Depart, Schedule};
use crate::time::Clock;

/// One flight as the bureau reports it.
pub(super) struct Row {
    pub(super) flight_id: String,
    /// When it should leave.
    pub(super) departs_at: Timestamp,
    pub(super) schedule: Schedule,
    /// None: it was cancelled.
    pub(super) depart: Option<Depart>,
    /// It went elsewhere. Some of these flights reached their destination after all.
    pub(super) diverted: bool,
    pub(super) arrive: Option<Arrive>,
}

impl Row {
    pub(super) fn parse(fields: &Fields<'_>, columns: &Columns) -> Result<Self, FeedError> {
        let schedule = schedule(fields, columns)?;
        let depart = depart(fields, columns)?;
        let delay_minutes = fields.optional(&columns.arr_delay, MINUTES)?;
        let air_minutes = fields.optional(&columns.air_time, MINUTES)?;
        let arrived = fields.optional(&columns.arr_time, CLOCK)?.map(Clock);
        Ok(Self {
            flight_id: schedule.flight_id(),
            // If date, clock and hour contradict each other, the flight refuses them; here they only sort.
            departs_at: schedule.departs_at().unwrap_or(schedule.departure_hour),
            // Of flights that left, the bureau leaves both empty for diverted ones alone.
            diverted: depart.is_some() && delay_minutes.is_none() && air_minutes.is_none(),
            arrive: arrived.map(|clock| Arrive { clock, delay_minutes, air_minutes }),
            depart,
            schedule,
        })
    }
}

fn schedule(fields: &Fields<'_>, columns: &Columns) -> Result<Schedule, FeedError> {
    Ok(Schedule {
        date: date(fields, columns)?,
        carrier: fields.required(&columns.carrier, "a carrier as UA")?,
        number: fields.required(&columns.flight, "a flight number")?,
        origin: fields.required(&columns.origin, "an airport as EWR")?,
        destination: fields.required(&columns.dest, "an airport as IAH")?,
        aircraft: fields.text(&columns.tailnum).map(Into::into),
        departure_clock: Clock(fields.required(&columns.sched_dep_time, CLOCK)?),
        departure_hour: fields.required(&columns.time_hour, "a time as 2013-01-01T10:00:00Z")?,
        arrival_clock: Clock(fields.required(&columns.sched_arr_time, CLOCK)?),
        distance_miles: fields.required(&columns.distance, "a number of miles")?,
    })
}

fn date(fields: &Fields<'_>, columns: &Columns) -> Result<civil::Date, FeedError> {
    let year: i16 = fields.required(&columns.year, "a year")?;
    let month: i8 = fields.required(&columns.month, "a month")?;
    let day: i8 = fields.required(&columns.day, "a day")?;
    civil::Date::new(year, month, day)
        .map_err(|_| fields.error(&columns.day, format!("there is no such date as {year}-{month}-{day}")))
}

fn depart(fields: &Fields<'_>, columns: &Columns) -> Result<Option<Depart>, FeedError> {
    let Some(clock) = fields.optional(&columns.dep_time, CLOCK)?.map(Clock) else {
        return Ok(None);
    };
    Ok(Some(Depart { clock, delay_minutes: fields.required(&columns.dep_delay, MINUTES)? }))
}

const CLOCK: &str = "a local time as 517 or 2400";
const MINUTES: &str = "a whole number of minutes";
