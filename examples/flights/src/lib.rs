//! Flights out of New York: a Cantus plugin on real data.
//!
//! Two aggregates. A [`flight::Flight`] is one row of the bureau's table: it is scheduled, departs, arrives, is diverted
//! or cancelled. An [`aircraft::Aircraft`] is one tail number: it takes off and lands, and must be where it takes off.
//! Both decide from their own events and the command alone. What the data means, and what it cannot tell, is said where
//! a rule needs it; README.md has it in one place.
//!
//! `feed` is not part of the plugin: it turns the bureau's file into commands, natively.

pub mod aircraft;
pub mod flight;
pub mod time;

#[cfg(not(target_family = "wasm"))]
pub mod feed;

/// 600 mph. No airliner of this network covers ground faster, so what would need it did not happen.
const TOP_SPEED_MILES_PER_MINUTE: u32 = 10;

/// Returns the least time that a distance takes.
fn minutes_at_top_speed(miles: u32) -> u32 {
    miles.div_ceil(TOP_SPEED_MILES_PER_MINUTE)
}
