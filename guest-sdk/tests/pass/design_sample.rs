//! The sample of the design, and what it takes around it.
#![forbid(unsafe_code)]

use cantus_sdk::{
    prelude::*,
    testing::{given, time},
};

#[aggregate(snapshot_every = 50)]
pub struct Flight { status: Status, delay_minutes: i32, aircraft: Option<TailNumber> }

#[command(Flight, version = 1, produces = [FlightDeparted])]
pub struct Depart { pub at: Timestamp }

#[command_handler(Flight, version = 1)]
impl DepartHandler {
    type Error = FlightError;
    fn handle(&self, state: &Flight, cmd: Depart) -> Result<FlightDeparted, FlightError> {
        match state.status {
            Status::Scheduled => Ok(FlightDeparted { at: cmd.at }),
            Status::Departed => Err(FlightError::AlreadyDeparted),
        }
    }
}

#[event(Flight, version = 1)]
pub struct FlightDeparted { pub at: Timestamp }

#[event_combiner(Flight, version = 1)]
impl FlightDeparted {
    fn combine(&self, state: &mut Flight) {
        state.status = Status::Departed;
        state.delay_minutes += 1;
        state.aircraft = Some(TailNumber("N14228".into()));
    }
}

#[value]
pub enum Status {
    #[default]
    Scheduled,
    Departed,
}

#[value]
pub struct TailNumber(String);

#[rejection]
pub enum FlightError {
    AlreadyDeparted,
}

fn main() {
    let at = time("2013-01-01T10:17:00Z");
    let flight = given::<Flight>("UA1545").when(Depart { at }).then(FlightDeparted { at });
    assert_eq!(flight.state().aircraft, Some(TailNumber("N14228".into())));
    flight.when(Depart { at }).then_rejected("already-departed");
}
