//! The rules of a flight, one test each. The next releases have other ones: `releases.rs`.
#![cfg(not(feature = "release-1.1"))]

use cantus_sdk::testing::{Given, given, time};
use flights::flight::{
    Arrive, Cancel, Depart, Divert, Flight, FlightArrived, FlightCancelled, FlightDelayed, FlightDeparted,
    FlightDiverted, FlightError, FlightScheduled, Leg, Phase, Plan, Schedule,
};
use flights::time::Clock;
use jiff::civil::date;

const ID: &str = "2013-01-01-UA-1545-EWR";

fn schedule() -> Schedule {
    Schedule {
        date: date(2013, 1, 1),
        carrier: "UA".into(),
        number: 1545,
        origin: "EWR".into(),
        destination: "IAH".into(),
        aircraft: Some("N14228".into()),
        departure_clock: Clock(515),
        departure_hour: time("2013-01-01T10:00:00Z"),
        arrival_clock: Clock(819),
        distance_miles: 1400,
    }
}

fn plan() -> Plan {
    Plan {
        carrier: "UA".into(),
        number: 1545,
        origin: "EWR".into(),
        destination: "IAH".into(),
        aircraft: Some("N14228".into()),
        departs_at: time("2013-01-01T10:15:00Z"),
        departs_local: date(2013, 1, 1).at(5, 15, 0, 0),
        arrives_local: date(2013, 1, 1).at(8, 19, 0, 0),
        distance_miles: 1400,
    }
}

fn departed() -> FlightDeparted {
    FlightDeparted {
        at: time("2013-01-01T10:17:00Z"),
        local: date(2013, 1, 1).at(5, 17, 0, 0),
        delay_minutes: 2,
        aircraft: "N14228".into(),
    }
}

fn arrived() -> FlightArrived {
    FlightArrived {
        local: date(2013, 1, 1).at(8, 30, 0, 0),
        landed_from: Some(time("2013-01-01T14:04:00Z")),
        delay_minutes: 11,
    }
}

fn scheduled_flight() -> Given<Flight> {
    given(ID).events(FlightScheduled { plan: plan() })
}

fn departed_flight() -> Given<Flight> {
    scheduled_flight().events(departed())
}

const DEPART: Depart = Depart { clock: Clock(517), delay_minutes: 2 };
const ARRIVE: Arrive = Arrive { clock: Clock(830), delay_minutes: Some(11), air_minutes: Some(227) };
const ARRIVE_SOMEHOW: Arrive = Arrive { clock: Clock(1110), delay_minutes: None, air_minutes: None };

#[test]
fn an_ordinary_flight() {
    let flight = given::<Flight>(ID)
        .when(schedule())
        .then(FlightScheduled { plan: plan() })
        .when(DEPART)
        .then(departed())
        .when(ARRIVE)
        .then(arrived());
    assert_eq!(flight.state().phase, Phase::Arrived);
    assert_eq!(flight.state().delay_minutes, 11);
    assert!(!flight.state().late);
}

#[test]
fn the_id_names_the_flight() {
    let expected = ID.to_owned();
    given::<Flight>("2013-01-01-UA-1545-JFK").when(schedule()).then_error(FlightError::WrongId { expected });
}

#[test]
fn summer_is_four_hours_behind_utc() {
    let summer = Schedule {
        date: date(2013, 7, 1),
        departure_clock: Clock(515),
        departure_hour: time("2013-07-01T09:00:00Z"),
        ..schedule()
    };
    let plan = Plan {
        departs_at: time("2013-07-01T09:15:00Z"),
        departs_local: date(2013, 7, 1).at(5, 15, 0, 0),
        arrives_local: date(2013, 7, 1).at(8, 19, 0, 0),
        ..plan()
    };
    given::<Flight>("2013-07-01-UA-1545-EWR").when(summer).then(FlightScheduled { plan });
}

#[test]
fn the_clock_must_be_new_yorks() {
    for hour in ["2013-01-01T08:00:00Z", "2013-01-01T11:00:00Z", "2013-01-02T10:00:00Z", "2013-01-01T10:00:30Z"] {
        let elsewhere = Schedule { departure_hour: time(hour), ..schedule() };
        given::<Flight>(ID).when(elsewhere).then_rejected("not-new-york");
    }
}

#[test]
fn a_scheduled_arrival_that_the_clock_shows_before_the_departure_is_on_the_next_day() {
    let overnight = Schedule {
        departure_clock: Clock(2359),
        departure_hour: time("2013-01-02T04:00:00Z"),
        arrival_clock: Clock(444),
        ..schedule()
    };
    let plan = Plan {
        departs_at: time("2013-01-02T04:59:00Z"),
        departs_local: date(2013, 1, 1).at(23, 59, 0, 0),
        arrives_local: date(2013, 1, 2).at(4, 44, 0, 0),
        ..plan()
    };
    given::<Flight>(ID).when(overnight).then(FlightScheduled { plan });
}

#[test]
fn a_clock_shows_hours_and_minutes() {
    let clock = Clock(1275);
    let error = || FlightError::NoSuchTime { clock };
    given::<Flight>(ID).when(Schedule { departure_clock: clock, ..schedule() }).then_error(error());
    given::<Flight>(ID).when(Schedule { arrival_clock: clock, ..schedule() }).then_error(error());
}

#[test]
fn a_delay_may_carry_the_departure_past_midnight() {
    let late_plan = Plan {
        departs_at: time("2013-01-02T04:50:00Z"),
        departs_local: date(2013, 1, 1).at(23, 50, 0, 0),
        arrives_local: date(2013, 1, 2).at(2, 10, 0, 0),
        ..plan()
    };
    let departed = |minutes_past: i8, delay_minutes| FlightDeparted {
        at: time(&format!("2013-01-02T05:{minutes_past:02}:00Z")),
        local: date(2013, 1, 2).at(0, minutes_past, 0, 0),
        delay_minutes,
        ..departed()
    };
    let flight = || given::<Flight>(ID).events(FlightScheduled { plan: late_plan.clone() });
    flight().when(Depart { clock: Clock(2400), delay_minutes: 10 }).then(departed(0, 10));
    flight()
        .when(Depart { clock: Clock(17), delay_minutes: 27 })
        .then((departed(17, 27), FlightDelayed { leg: Leg::Departure, delay_minutes: 27 }));
}

#[test]
fn the_clock_must_agree_with_schedule_and_delay() {
    let early = Depart { clock: Clock(517), delay_minutes: -2 };
    let expected = date(2013, 1, 1).at(5, 13, 0, 0);
    scheduled_flight().when(early).then_error(FlightError::ClockMismatch { clock: Clock(517), expected });
    departed_flight().when(Arrive { delay_minutes: Some(12), ..ARRIVE }).then_rejected("clock-mismatch");
}

#[test]
fn a_flight_is_late_from_fifteen_minutes_on() {
    let departed = |minute, delay_minutes| FlightDeparted {
        at: time(&format!("2013-01-01T10:{minute}:00Z")),
        local: date(2013, 1, 1).at(5, minute, 0, 0),
        delay_minutes,
        ..departed()
    };
    scheduled_flight().when(Depart { clock: Clock(529), delay_minutes: 14 }).then(departed(29, 14));
    let flight = scheduled_flight()
        .when(Depart { clock: Clock(530), delay_minutes: 15 })
        .then((departed(30, 15), FlightDelayed { leg: Leg::Departure, delay_minutes: 15 }));
    assert!(flight.state().late);
}

#[test]
fn a_flight_may_be_late_on_arrival_alone() {
    let arrived = FlightArrived { local: date(2013, 1, 1).at(8, 39, 0, 0), delay_minutes: 20, ..arrived() };
    departed_flight()
        .when(Arrive { clock: Clock(839), delay_minutes: Some(20), ..ARRIVE })
        .then((arrived, FlightDelayed { leg: Leg::Arrival, delay_minutes: 20 }));
}

#[test]
fn a_flight_without_tail_number_may_be_cancelled_but_not_depart() {
    let plan = Plan { aircraft: None, ..plan() };
    given::<Flight>(ID)
        .when(Schedule { aircraft: None, ..schedule() })
        .then(FlightScheduled { plan })
        .when(DEPART)
        .then_rejected("no-aircraft")
        .when(Cancel {})
        .then(FlightCancelled {});
}

#[test]
fn nothing_is_faster_than_an_airliner() {
    departed_flight()
        .when(Arrive { air_minutes: Some(139), ..ARRIVE })
        .then_error(FlightError::TooFast { distance_miles: 1400, air_minutes: 139 });
    let landed_from = Some(time("2013-01-01T12:37:00Z"));
    departed_flight()
        .when(Arrive { air_minutes: Some(140), ..ARRIVE })
        .then(FlightArrived { landed_from, ..arrived() });
}

#[test]
fn an_arrival_is_complete_unless_the_flight_was_diverted() {
    for arrive in [Arrive { delay_minutes: None, ..ARRIVE }, Arrive { air_minutes: None, ..ARRIVE }, ARRIVE_SOMEHOW] {
        departed_flight().when(arrive).then_rejected("incomplete-arrival");
    }
}

#[test]
fn a_diverted_flight_may_reach_its_destination_later() {
    let arrived = FlightArrived { local: date(2013, 1, 1).at(11, 10, 0, 0), landed_from: None, delay_minutes: 171 };
    departed_flight()
        .when(Divert {})
        .then(FlightDiverted {})
        .when(Divert {})
        .then_rejected("already-diverted")
        .when(ARRIVE_SOMEHOW)
        .then((arrived, FlightDelayed { leg: Leg::Arrival, delay_minutes: 171 }));
}

#[test]
fn a_diverted_flight_is_never_early() {
    let arrived = FlightArrived { local: date(2013, 1, 2).at(8, 0, 0, 0), landed_from: None, delay_minutes: 1421 };
    departed_flight()
        .events(FlightDiverted {})
        .when(Arrive { clock: Clock(800), ..ARRIVE_SOMEHOW })
        .then((arrived, FlightDelayed { leg: Leg::Arrival, delay_minutes: 1421 }));
}

#[test]
fn nothing_happens_to_a_flight_before_it_is_scheduled() {
    let flight = || given::<Flight>(ID);
    flight().when(DEPART).then_rejected("not-scheduled");
    flight().when(ARRIVE).then_rejected("not-scheduled");
    flight().when(Divert {}).then_rejected("not-scheduled");
    flight().when(Cancel {}).then_rejected("not-scheduled");
}

#[test]
fn a_flight_that_waits_can_neither_arrive_nor_be_diverted() {
    scheduled_flight().when(schedule()).then_rejected("already-scheduled");
    scheduled_flight().when(ARRIVE).then_rejected("not-departed");
    scheduled_flight().when(Divert {}).then_rejected("not-departed");
}

#[test]
fn a_flight_departs_once_and_cannot_be_cancelled_then() {
    departed_flight().when(DEPART).then_rejected("already-departed");
    departed_flight().when(Cancel {}).then_rejected("already-departed");
}

#[test]
fn an_arrival_is_the_end() {
    let flight = || departed_flight().events(arrived());
    flight().when(schedule()).then_rejected("already-scheduled");
    flight().when(DEPART).then_rejected("already-departed");
    flight().when(ARRIVE).then_rejected("already-arrived");
    flight().when(Divert {}).then_rejected("already-arrived");
}

#[test]
fn a_cancellation_is_the_end() {
    let flight = || scheduled_flight().events(FlightCancelled {});
    flight().when(schedule()).then_rejected("already-scheduled");
    flight().when(DEPART).then_rejected("cancelled");
    flight().when(ARRIVE).then_rejected("cancelled");
    flight().when(Divert {}).then_rejected("cancelled");
    flight().when(Cancel {}).then_rejected("cancelled");
}

#[test]
fn the_calendar_ends() {
    scheduled_flight().when(Depart { clock: Clock(517), delay_minutes: i32::MIN }).then_rejected("outside-calendar");
    departed_flight().when(Arrive { air_minutes: Some(u32::MAX), ..ARRIVE }).then_rejected("outside-calendar");
}
