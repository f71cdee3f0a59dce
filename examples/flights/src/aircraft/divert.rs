//! The aircraft goes elsewhere than its flight was bound for. The data does not say where to.

use cantus_sdk::prelude::*;

use super::{Aircraft, AircraftError, Whereabouts};

/// Reports that the aircraft went elsewhere.
#[command(Aircraft, version = 1, produces = [AircraftDiverted])]
pub struct Divert {
    /// Id of the flight.
    pub flight: String,
}

/// The aircraft went elsewhere, and may be anywhere from now on.
#[event(Aircraft, version = 1)]
pub struct AircraftDiverted {
    /// Id of the flight.
    pub flight: String,
}

#[command_handler(Aircraft, version = 1)]
impl DivertHandler {
    type Error = AircraftError;

    fn handle(&self, aircraft: &Aircraft, cmd: Divert) -> Result<AircraftDiverted, AircraftError> {
        aircraft.flying(&cmd.flight)?;
        Ok(AircraftDiverted { flight: cmd.flight })
    }
}

#[event_combiner(Aircraft, version = 1)]
impl AircraftDiverted {
    fn combine(&self, aircraft: &mut Aircraft) {
        aircraft.whereabouts = Whereabouts::Unknown;
    }
}
