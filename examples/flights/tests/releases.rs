//! Tests of the next releases: `cargo test -p flights --features release-1.2`.
#![cfg(feature = "release-1.1")]

use cantus_sdk::testing::{Given, given, time};
use flights::flight::{
    Arrive, Depart, Flight, FlightArrived, FlightDelayed, FlightDeparted, FlightError, FlightScheduled, Leg, Plan,
};
use flights::time::Clock;
use jiff::civil::date;

fn scheduled_flight() -> Given<Flight> {
    let plan = Plan {
        carrier: "UA".into(),
        number: 1545,
        origin: "EWR".into(),
        destination: "IAH".into(),
        aircraft: Some("N14228".into()),
        departs_at: time("2013-01-01T10:15:00Z"),
        departs_local: date(2013, 1, 1).at(5, 15, 0, 0),
        arrives_local: date(2013, 1, 1).at(8, 19, 0, 0),
        distance_miles: 1400,
    };
    given("2013-01-01-UA-1545-EWR").events(FlightScheduled { plan })
}

/// At `hour` and `minute` in New York.
fn departed(hour: i8, minute: i8, delay_minutes: i32) -> FlightDeparted {
    FlightDeparted {
        at: time(&format!("2013-01-01T{}:{minute}:00Z", hour + 5)),
        local: date(2013, 1, 1).at(hour, minute, 0, 0),
        delay_minutes,
        aircraft: "N14228".into(),
    }
}

#[test]
fn a_flight_is_late_from_ten_minutes_on() {
    scheduled_flight().when(Depart { clock: Clock(524), delay_minutes: 9 }).then(departed(5, 24, 9));
    scheduled_flight()
        .when(Depart { clock: Clock(525), delay_minutes: 10 })
        .then((departed(5, 25, 10), FlightDelayed { leg: Leg::Departure, delay_minutes: 10 }));
    let arrived = FlightArrived {
        local: date(2013, 1, 1).at(8, 29, 0, 0),
        landed_from: Some(time("2013-01-01T14:11:00Z")),
        delay_minutes: 10,
    };
    scheduled_flight()
        .events(departed(5, 24, 9))
        .when(Arrive { clock: Clock(829), delay_minutes: Some(10), air_minutes: Some(227) })
        .then((arrived, FlightDelayed { leg: Leg::Arrival, delay_minutes: 10 }));
}

#[test]
fn a_flight_that_is_more_than_three_hours_late_must_be_scheduled_anew() {
    scheduled_flight()
        .when(Depart { clock: Clock(815), delay_minutes: 180 })
        .then((departed(8, 15, 180), FlightDelayed { leg: Leg::Departure, delay_minutes: 180 }));
    scheduled_flight()
        .when(Depart { clock: Clock(816), delay_minutes: 181 })
        .then_error(FlightError::TooLate { delay_minutes: 181, latest_minutes: 180 });
    scheduled_flight().when(Depart { clock: Clock(816), delay_minutes: 181 }).then_rejected("too-late");
}

#[cfg(feature = "release-1.2")]
fn diverted_flight_arrives(landed_from: Option<cantus_sdk::Timestamp>) -> Given<Flight> {
    let arrived = FlightArrived { local: date(2013, 1, 1).at(8, 30, 0, 0), landed_from, delay_minutes: 11 };
    scheduled_flight().events(departed(5, 24, 9)).events(flights::flight::FlightDiverted {}).events(arrived)
}

#[test]
#[cfg(feature = "release-1.2")]
fn a_flight_knows_how_long_it_travelled() {
    let flight = diverted_flight_arrives(Some(time("2013-01-01T14:11:00Z")));
    assert_eq!(flight.state().travel_minutes, 227);
}

/// The defect of 1.2, which a host finds when it verifies it.
#[test]
#[cfg(feature = "release-1.2")]
#[should_panic(expected = "a flight that arrived has landed")]
fn the_arrival_of_a_diverted_flight_breaks_1_2() {
    let _ = diverted_flight_arrives(None);
}
