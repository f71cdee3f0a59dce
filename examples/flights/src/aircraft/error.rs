//! Why an aircraft cannot have done what is reported.

use cantus_sdk::prelude::*;

/// A rejection's code is the variant in kebab-case.
#[rejection]
pub enum AircraftError {
    /// It has not come down yet: two flights claim one tail number.
    #[message("the aircraft is still in the air, on flight {flight}")]
    StillAirborne {
        /// The flight that it is on.
        flight: String,
    },
    /// It could not have flown back in time, not even at top speed: the tail number must be wrong.
    #[message("the aircraft landed at {airport} at {landed}, too far away to be back by {departed_at}")]
    Elsewhere {
        /// Where it landed.
        airport: String,
        /// When.
        landed: Timestamp,
        /// When it is said to have left New York again.
        departed_at: Timestamp,
    },
    /// It is not on that flight; often because its take-off was rejected.
    #[message("the aircraft is not in the air on flight {flight}")]
    NotFlying {
        /// The flight that was reported.
        flight: String,
    },
    /// No calendar has such a date.
    #[message("the time is beyond the calendar")]
    OutsideCalendar,
}
