//! A guest written against `wit/` itself, because the SDK would prevent what it does. The file contains the way in which it describes
//! itself, and the tests overwrite it there. The aggregate's id names what it does in a call.

use exports::cantus::domain::{
    aggregate::{self, Context, EventBatch, Failure, Message},
    plugin::{self, AggregateType, CommandType, EventType, Kind, Manifest},
};

wit_bindgen::generate!({ path: "../../../wit", world: "domain" });
export!(Rogue);

/// Padded to one length, so that a test can put another in its place.
static MODE: [u8; 32] = *b"rogue-mode:good                 ";

struct Rogue;

fn mode() -> &'static str {
    let mode = std::hint::black_box(&MODE).as_slice();
    str::from_utf8(mode).unwrap().strip_prefix("rogue-mode:").unwrap().trim_end()
}

impl plugin::Guest for Rogue {
    fn describe() -> Manifest {
        let kind = |name: &str, version| Kind { name: name.into(), version };
        let command =
            CommandType { name: "Do".into(), version: 1, schema: "{}".into(), produces: vec![kind("Done", 1)] };
        let event = |name: &str| EventType { name: name.into(), version: 1, schema: "{}".into(), upcasts_to: None };
        let rogue = AggregateType {
            name: "Rogue".into(),
            snapshot_every: 2,
            commands: vec![command],
            events: vec![event("Done"), event("Other")],
        };
        let mut manifest = Manifest {
            name: "rogue".into(),
            version: "1.0.0".into(),
            payload_format: "text/plain".into(),
            aggregates: vec![rogue],
        };
        let rogue = &mut manifest.aggregates[0];
        match mode() {
            "good" => {}
            "loop" => loop {
                std::hint::black_box(());
            },
            "panic" => panic!("who am I?"),
            "huge" => manifest.name = "n".repeat(100 << 20),
            "moody" => {
                use std::hash::{BuildHasher, RandomState};
                let now = std::time::SystemTime::now();
                manifest.version = format!("1.0.{}", RandomState::new().hash_one(now) % 1_000);
            }
            "no-semver" => manifest.version = "one".into(),
            "no-name" => manifest.name = String::new(),
            "odd-name" => manifest.name = "../Rogue".into(),
            "no-aggregate" => manifest.aggregates.clear(),
            "two-aggregates" => manifest.aggregates.push(manifest.aggregates[0].clone()),
            "aggregate-unnamed" => rogue.name = String::new(),
            "command-unnamed" => rogue.commands[0].name = String::new(),
            "command-twice" => rogue.commands.push(rogue.commands[0].clone()),
            "event-twice" => rogue.events.push(rogue.events[0].clone()),
            "long-event-name" => rogue.events[0].name = "E".repeat(200),
            "version-zero" => rogue.commands[0].version = 0,
            "produces-unknown" => rogue.commands[0].produces.push(kind("Undone", 1)),
            "upcasts-to-unknown" => rogue.events[0].upcasts_to = Some(2),
            "upcasts-back" => rogue.events[0].upcasts_to = Some(1),
            "no-schema" => rogue.commands[0].schema = "{".into(),
            "no-format" => manifest.payload_format = String::new(),
            other => panic!("there is no mode {other:?}"),
        }
        manifest
    }
}

impl aggregate::Guest for Rogue {
    type Instance = Instance;

    fn upcast(_: String, event: Message) -> Result<Message, String> {
        Ok(event)
    }
}

struct Instance {
    id: String,
    events: std::cell::Cell<usize>,
}

impl Instance {
    /// Panics in the call that the aggregate's id names: `combine-7`, `restore-snapshot-x`.
    fn may(&self, call: &str) {
        assert!(!self.id.starts_with(call), "not in {call}, I told you");
    }
}

impl aggregate::GuestInstance for Instance {
    fn restore(_: String, id: String, snapshot: Option<Vec<u8>>) -> Result<aggregate::Instance, String> {
        let events = match &snapshot {
            None => 0,
            Some(bytes) => str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or("no number")?,
        };
        let instance = Self { id, events: events.into() };
        match snapshot {
            None => instance.may("restore-fresh"),
            Some(_) => instance.may("restore-snapshot"),
        }
        match instance.id.starts_with("refuse-restore") {
            true => Err("I will not".into()),
            false => Ok(aggregate::Instance::new(instance)),
        }
    }

    fn combine(&self, events: EventBatch) -> Result<(), String> {
        self.may("combine");
        if self.id.starts_with("refuse-combine") {
            return Err("I will not".into());
        }
        self.events.set(self.events.get() + events.events.len());
        Ok(())
    }

    fn handle(&self, command: Message, context: Context) -> Result<Vec<Message>, Failure> {
        let done = |name: &str, version| Message { name: name.into(), version, payload: command.payload.clone() };
        match str::from_utf8(&command.payload).unwrap_or_default() {
            "undeclared-event" => Ok(vec![done("Done", 1), done("Undone", 1)]),
            "unannounced-event" => Ok(vec![done("Other", 1)]),
            "undeclared-version" => Ok(vec![done("Done", 2)]),
            "unknown" => Err(Failure::Unknown("never heard of it".into())),
            "echo-context" => {
                let text = format!("now {} seed {:x} events {}", context.now, context.seed, self.events.get());
                Ok(vec![Message { name: "Done".into(), version: 1, payload: text.into_bytes() }])
            }
            _ => Ok(vec![done("Done", 1)]),
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        self.may("snapshot");
        match self.id.starts_with("large-snapshot") {
            true => vec![b'7'; 5 << 20],
            false => self.events.get().to_string().into_bytes(),
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.id.starts_with("drop") {
            panic!("I stay");
        }
    }
}
