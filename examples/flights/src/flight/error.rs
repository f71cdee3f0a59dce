//! The reasons why a flight cannot have happened as reported.

use cantus_sdk::prelude::*;
use jiff::civil;

use crate::time::Clock;

/// A rejection's code is the variant in kebab-case.
#[rejection]
pub enum FlightError {
    /// The aggregate id does not belong to the flight.
    #[message("the flight's id should be {expected}: date, carrier, number, origin")]
    WrongId {
        /// The id that the flight should have.
        expected: String,
    },
    /// It is in the timetable already.
    #[message("the flight is scheduled already")]
    AlreadyScheduled,
    /// It is not in the timetable.
    #[message("the flight is not scheduled")]
    NotScheduled,
    /// It has left its gate.
    #[message("the flight has departed already")]
    AlreadyDeparted,
    /// It still waits at its gate.
    #[message("the flight has not departed")]
    NotDeparted,
    /// It has arrived.
    #[message("the flight has arrived already")]
    AlreadyArrived,
    /// It went elsewhere.
    #[message("the flight is diverted already")]
    AlreadyDiverted,
    /// It never leaves.
    #[message("the flight is cancelled")]
    Cancelled,
    /// Nobody knows which aircraft would fly it: a cancelled flight may lack a tail number, one that departs may not.
    #[message("the flight has no aircraft, so it cannot depart")]
    NoAircraft,
    /// The delay is too long: the flight must be scheduled again. From 1.1 on.
    #[message("{delay_minutes} minutes late is more than {latest_minutes}: the flight must be scheduled anew")]
    TooLate {
        /// As reported.
        delay_minutes: i32,
        /// The most that there may be.
        latest_minutes: i32,
    },
    /// An arrival without delay or time in the air is one of a diverted flight, and this one was not.
    #[message("an arrival needs its delay and its time in the air, unless the flight was diverted")]
    IncompleteArrival,
    /// Clocks do not show this.
    #[message("{clock} is no time of day; write hours and minutes as 517 or 2400")]
    NoSuchTime {
        /// As reported.
        clock: Clock,
    },
    /// The reported clock contradicts schedule and delay.
    #[message("the clock shows {clock}, but by schedule and delay it is {expected}")]
    ClockMismatch {
        /// As reported.
        clock: Clock,
        /// By schedule and delay.
        expected: civil::DateTime,
    },
    /// Local clock and UTC hour do not belong together.
    #[message("the departure's clock is neither four nor five hours behind its hour in UTC, as New York is")]
    NotNewYork,
    /// It would have been faster than airliners are.
    #[message("{distance_miles} miles in {air_minutes} minutes is faster than an airliner")]
    TooFast {
        /// From origin to destination.
        distance_miles: u32,
        /// From take-off to touchdown.
        air_minutes: u32,
    },
    /// No calendar has such a date.
    #[message("the time is beyond the calendar")]
    OutsideCalendar,
}
