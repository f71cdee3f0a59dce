//! The steps of a flight: which ones a row reports, when, and each one's command.

use cantus_sdk::{Command, Timestamp};

use super::{CommandLine, row::Row};
use crate::aircraft::{self, Land, TakeOff, Trip};
use crate::flight::{Cancel, Divert};
use crate::minutes_at_top_speed;
use crate::time::after;

/// A report of a row. At one instant, ends come before beginnings: an aircraft may land and leave again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Schedule,
    Divert,
    DivertAircraft,
    Arrive,
    Land,
    Cancel,
    Depart,
    TakeOff,
}

/// A flight is scheduled so long before it should leave, and so before it leaves, however early.
const SCHEDULED_BEFORE_MINUTES: i64 = 24 * 60;

impl Row {
    /// Returns the reports of the row, each with its time.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Timestamp, Step)> {
        let has_aircraft = self.schedule.aircraft.is_some();
        let air_minutes = self.air_minutes();
        let (left, flew) = (self.depart.is_some(), self.depart.is_some() && has_aircraft);
        let (departed, ended) = (self.departed_at(), self.ended_at());
        [
            Some((after(self.departs_at, -SCHEDULED_BEFORE_MINUTES).unwrap_or_default(), Step::Schedule)),
            (!left).then_some((self.departs_at, Step::Cancel)),
            left.then_some((departed, Step::Depart)),
            flew.then_some((departed, Step::TakeOff)),
            self.diverted.then_some((ended, Step::Divert)),
            (flew && self.diverted).then_some((ended, Step::DivertAircraft)),
            self.arrive.is_some().then_some((ended, Step::Arrive)),
            (flew && air_minutes.is_some()).then_some((ended, Step::Land)),
        ]
        .into_iter()
        .flatten()
    }

    fn air_minutes(&self) -> Option<u32> {
        self.arrive.as_ref().and_then(|arrive| arrive.air_minutes)
    }

    fn departed_at(&self) -> Timestamp {
        let delay = self.depart.as_ref().map_or(0, |depart| depart.delay_minutes);
        after(self.departs_at, delay.into()).unwrap_or(self.departs_at)
    }

    /// When the flight came down. Nobody recorded that of a diverted one; it sorts as if at top speed.
    fn ended_at(&self) -> Timestamp {
        let minutes = self.air_minutes().unwrap_or_else(|| minutes_at_top_speed(self.schedule.distance_miles));
        after(self.departed_at(), minutes.into()).unwrap_or(self.departed_at())
    }

    fn trip(&self) -> Trip {
        Trip {
            flight: self.flight_id.clone(),
            origin: self.schedule.origin.clone(),
            destination: self.schedule.destination.clone(),
            distance_miles: self.schedule.distance_miles,
            departed_at: self.departed_at(),
        }
    }
}

impl Step {
    /// The row's command for this step; none if the row does not report it.
    pub(super) fn command(self, row: &Row) -> Result<Option<CommandLine>, serde_json::Error> {
        let flight = row.flight_id.clone();
        match self {
            Self::Schedule => self.for_flight(row, Some(&row.schedule)),
            Self::Cancel => self.for_flight(row, Some(&Cancel {})),
            Self::Depart => self.for_flight(row, row.depart.as_ref()),
            Self::Divert => self.for_flight(row, Some(&Divert {})),
            Self::Arrive => self.for_flight(row, row.arrive.as_ref()),
            Self::TakeOff => self.for_aircraft(row, Some(&TakeOff { trip: row.trip() })),
            Self::DivertAircraft => self.for_aircraft(row, Some(&aircraft::Divert { flight })),
            Self::Land => {
                self.for_aircraft(row, row.air_minutes().map(|air_minutes| Land { flight, air_minutes }).as_ref())
            }
        }
    }

    fn for_flight(self, row: &Row, command: Option<&impl Command>) -> Result<Option<CommandLine>, serde_json::Error> {
        self.line(row, Some(&row.flight_id), command)
    }

    fn for_aircraft(self, row: &Row, command: Option<&impl Command>) -> Result<Option<CommandLine>, serde_json::Error> {
        self.line(row, row.schedule.aircraft.as_deref(), command)
    }

    fn line(
        self,
        row: &Row,
        aggregate_id: Option<&str>,
        command: Option<&impl Command>,
    ) -> Result<Option<CommandLine>, serde_json::Error> {
        let (Some(aggregate_id), Some(command)) = (aggregate_id, command) else {
            return Ok(None);
        };
        let id = format!("{}/{}", row.flight_id, self.verb());
        CommandLine::new(id, aggregate_id, &row.schedule.carrier, command).map(Some)
    }

    /// The end of the command's id.
    fn verb(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Divert => "divert",
            Self::DivertAircraft => "divert-aircraft",
            Self::Arrive => "arrive",
            Self::Land => "land",
            Self::Cancel => "cancel",
            Self::Depart => "depart",
            Self::TakeOff => "take-off",
        }
    }
}
