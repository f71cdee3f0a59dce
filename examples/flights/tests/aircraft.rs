//! The rules of an aircraft, one test each.

use cantus_sdk::testing::{Given, given, time};
use flights::aircraft::{
    Aircraft, AircraftDiverted, AircraftError, AircraftLanded, AircraftReturned, AircraftTookOff, Divert, Land,
    TakeOff, Trip, Whereabouts,
};

/// 1400 miles: 140 minutes at top speed.
fn to_houston() -> Trip {
    Trip {
        flight: "2013-01-01-UA-1545-EWR".into(),
        origin: "EWR".into(),
        destination: "IAH".into(),
        distance_miles: 1400,
        departed_at: time("2013-01-01T10:17:00Z"),
    }
}

fn to_miami(departed_at: &str) -> Trip {
    Trip {
        flight: "2013-01-01-UA-1460-LGA".into(),
        origin: "LGA".into(),
        destination: "MIA".into(),
        distance_miles: 1096,
        departed_at: time(departed_at),
    }
}

fn houston_reached() -> AircraftLanded {
    AircraftLanded {
        flight: to_houston().flight,
        airport: "IAH".into(),
        at: time("2013-01-01T14:04:00Z"),
        air_minutes: 227,
    }
}

fn airborne() -> Given<Aircraft> {
    given("N14228").events(AircraftTookOff { trip: to_houston() })
}

fn in_houston() -> Given<Aircraft> {
    airborne().events(houston_reached())
}

#[test]
fn the_first_flight_starts_anywhere() {
    let aircraft = given::<Aircraft>("N14228")
        .when(TakeOff { trip: to_houston() })
        .then(AircraftTookOff { trip: to_houston() })
        .when(Land { flight: to_houston().flight, air_minutes: 227 })
        .then(houston_reached());
    let Aircraft { whereabouts, flights, air_minutes, distance_miles } = aircraft.state();
    assert_eq!(*whereabouts, Whereabouts::Landed { trip: to_houston(), at: time("2013-01-01T14:04:00Z") });
    assert_eq!((*flights, *air_minutes, *distance_miles), (1, 227, 1400));
}

#[test]
fn it_cannot_take_off_in_the_air() {
    airborne()
        .when(TakeOff { trip: to_miami("2013-01-01T12:00:00Z") })
        .then_error(AircraftError::StillAirborne { flight: to_houston().flight });
}

#[test]
fn it_may_have_flown_back_unseen() {
    let trip = to_miami("2013-01-01T16:24:00Z");
    let aircraft = in_houston()
        .when(TakeOff { trip: trip.clone() })
        .then((AircraftReturned { from: "IAH".into(), to: "LGA".into() }, AircraftTookOff { trip }));
    assert_eq!(aircraft.state().flights, 2);
}

#[test]
fn flying_back_takes_its_time() {
    let departed_at = "2013-01-01T16:23:00Z";
    in_houston().when(TakeOff { trip: to_miami(departed_at) }).then_error(AircraftError::Elsewhere {
        airport: "IAH".into(),
        landed: time("2013-01-01T14:04:00Z"),
        departed_at: time(departed_at),
    });
}

#[test]
fn it_need_not_fly_back_from_where_it_is() {
    let onwards = |departed_at| Trip { origin: "IAH".into(), ..to_miami(departed_at) };
    let trip = onwards("2013-01-01T14:04:00Z");
    in_houston().when(TakeOff { trip: trip.clone() }).then(AircraftTookOff { trip });
    in_houston().when(TakeOff { trip: onwards("2013-01-01T14:03:00Z") }).then_rejected("elsewhere");
}

#[test]
fn a_diversion_loses_it() {
    let flight = to_houston().flight;
    let trip = to_miami("2013-01-01T12:00:00Z");
    let aircraft = airborne().when(Divert { flight: flight.clone() }).then(AircraftDiverted { flight });
    assert_eq!(aircraft.state().whereabouts, Whereabouts::Unknown);
    aircraft.when(TakeOff { trip: trip.clone() }).then(AircraftTookOff { trip });
}

#[test]
fn it_ends_only_the_flight_that_it_is_on() {
    let other = || to_miami("2013-01-01T12:00:00Z").flight;
    let error = || AircraftError::NotFlying { flight: other() };
    airborne().when(Land { flight: other(), air_minutes: 152 }).then_error(error());
    airborne().when(Divert { flight: other() }).then_error(error());
    in_houston().when(Land { flight: to_houston().flight, air_minutes: 227 }).then_rejected("not-flying");
    given::<Aircraft>("N14228").when(Divert { flight: other() }).then_error(error());
}

#[test]
fn the_calendar_ends() {
    let flight = to_houston().flight;
    airborne().when(Land { flight, air_minutes: u32::MAX }).then_rejected("outside-calendar");
}
