//! A candidate for a hot swap, written against `wit/` itself. The file contains its name, version and mode, and the tests overwrite
//! them there: so a test makes any number of candidates, each with bytes of its own.

mod mark;
mod mode;
mod tally;

use exports::cantus::domain::{
    aggregate::{self, Context, EventBatch, Failure, Message},
    plugin::{self, AggregateType, CommandType, EventType, Kind, Manifest},
};
use mark::mark;
use mode::Mode;
use tally::Tally;

wit_bindgen::generate!({ path: "../../../wit", world: "domain" });
export!(Shifty);

struct Shifty;

impl plugin::Guest for Shifty {
    fn describe() -> Manifest {
        let mark = mark();
        mark.mode.describe_badly();
        Manifest {
            name: mark.name.into(),
            version: mark.version.into(),
            payload_format: "application/json".into(),
            aggregates: mark.mode.aggregates().iter().map(|name| aggregate_type(name, mark.mode)).collect(),
        }
    }
}

fn aggregate_type(name: &str, mode: Mode) -> AggregateType {
    let event = |name: &str| EventType { name: name.into(), version: 1, schema: "{}".into(), upcasts_to: None };
    let command = |name: &str, event: &str| CommandType {
        name: name.into(),
        version: 1,
        schema: "{}".into(),
        produces: vec![Kind { name: event.into(), version: 1 }],
    };
    let mut commands = vec![command("Add", mode.added())];
    if mode.resets() {
        commands.push(command("Reset", "Resetted"));
    }
    AggregateType {
        name: name.into(),
        snapshot_every: 5,
        commands,
        events: vec![event(mode.added()), event("Resetted")],
    }
}

impl aggregate::Guest for Shifty {
    type Instance = Tally;

    fn upcast(_: String, event: Message) -> Result<Message, String> {
        Ok(event)
    }
}

impl aggregate::GuestInstance for Tally {
    fn restore(name: String, _: String, snapshot: Option<Vec<u8>>) -> Result<aggregate::Instance, String> {
        let mode = mark().mode;
        match mode.aggregates().contains(&name.as_str()) {
            true => Ok(aggregate::Instance::new(Self::restore(mode, snapshot.as_deref())?)),
            false => Err(format!("there is no aggregate {name}")),
        }
    }

    fn combine(&self, batch: EventBatch) -> Result<(), String> {
        let mut payloads = batch.payloads.as_slice();
        for event in &batch.events {
            let (payload, rest) = payloads.split_at(event.size as usize);
            self.fold(&batch.kinds[event.kind as usize].name, payload)?;
            payloads = rest;
        }
        Ok(())
    }

    fn handle(&self, command: Message, _: Context) -> Result<Vec<Message>, Failure> {
        let event = |name: &str, payload| vec![Message { name: name.into(), version: 1, payload }];
        let mode = mark().mode;
        match command.name.as_str() {
            "Add" => {
                let amount = tally::amount(&command.payload).map_err(Failure::Malformed)?;
                mode.handle_badly(amount);
                Ok(event(mode.added(), self.add(amount)?))
            }
            "Reset" if mode.resets() => {
                mode.handle_badly(0);
                Ok(event("Resetted", b"{}".to_vec()))
            }
            other => Err(Failure::Unknown(format!("there is no command {other}"))),
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        Self::snapshot(self)
    }
}
