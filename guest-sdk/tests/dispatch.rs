//! The plugin as its host sees it: names and JSON in, names and JSON out.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use cantus_sdk::{EventRef, Failure, Instance, Message, MessageKind, describe, prelude::*, testing::Harness, upcast};

#[aggregate(snapshot_every = 7)]
pub struct Shelf {
    books: Vec<String>,
    placed_at: Timestamp,
}

#[command(Shelf, version = 1, produces = [Placed])]
pub struct Place {
    title: String,
}

#[command_handler(Shelf, version = 1)]
impl PlaceHandler {
    type Error = ShelfError;

    fn handle(&self, state: &Shelf, cmd: Place, ctx: &Context) -> Result<Placed, ShelfError> {
        match state.books.iter().position(|title| *title == cmd.title) {
            None => Ok(Placed { title: format!("{}/{}", ctx.aggregate_id, cmd.title), at: ctx.now }),
            Some(index) => Err(ShelfError::ThereAlready { index }),
        }
    }
}

/// Returns what it does not declare.
#[command(Shelf, version = 1, produces = [])]
pub struct Deceive {}

#[command_handler(Shelf, version = 1)]
impl DeceiveHandler {
    type Error = ShelfError;

    fn handle(&self, state: &Shelf, _: Deceive) -> Result<Events<Shelf>, ShelfError> {
        Ok(Events::new().and(Placed { title: String::new(), at: state.placed_at }))
    }
}

#[event(Shelf, version = 2)]
pub struct Placed {
    title: String,
    at: Timestamp,
}

#[event_combiner(Shelf, version = 2)]
impl Placed {
    fn combine(&self, state: &mut Shelf) {
        state.books.push(self.title.clone());
        state.placed_at = self.at;
    }
}

#[event(Shelf, version = 1, name = "Placed")]
pub struct PlacedV1 {
    name: String,
}

#[event_upcaster(Shelf, from = 1, to = 2)]
impl PlacedV1 {
    fn upcast(self) -> Placed {
        Placed { title: self.name, at: Timestamp::UNIX_EPOCH }
    }
}

#[rejection]
pub enum ShelfError {
    #[message("the book stands at {index} already")]
    ThereAlready { index: usize },
}

fn placed(version: u32, json: &str) -> Message {
    Message { name: "Placed".into(), version, payload: json.into() }
}

const V1: &str = r#"{"name":"Emma"}"#;
const V2: &str = r#"{"title":"Ulysses","at":"2026-11-22T00:00:00Z","since":"an unknown field"}"#;

#[test]
fn the_description_is_sorted_and_complete() {
    let manifest = describe();
    assert_eq!((manifest.name.as_str(), manifest.payload_format), ("cantus-sdk", "application/json"));
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    let shelf = &manifest.aggregates[0];
    assert_eq!((manifest.aggregates.len(), shelf.name, shelf.snapshot_every), (1, "Shelf", 7));
    let commands: Vec<_> = shelf.commands.iter().map(|command| (command.kind.name, &*command.produces)).collect();
    assert_eq!(commands, [("Deceive", [].as_slice()), ("Place", &[MessageKind { name: "Placed", version: 2 }])]);
    let events: Vec<_> = shelf.events.iter().map(|event| (event.kind.version, event.upcasts_to)).collect();
    assert_eq!(events, [(1, Some(2)), (2, None)]);
    let schema: serde_json::Value = serde_json::from_str(&shelf.commands[1].schema).unwrap();
    assert_eq!(schema["properties"]["title"]["type"], "string");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(describe(), manifest);
}

#[test]
fn old_and_new_versions_fold_alike() {
    let mut shelf = Harness::new("Shelf", "top");
    shelf.combine(&[placed(1, V1), placed(2, V2), placed(1, V1)]).unwrap();
    let books = r#"{"books":["Emma","Ulysses","Emma"],"placed_at":"1970-01-01T00:00:00Z"}"#;
    assert_eq!(String::from_utf8(shelf.snapshot()).unwrap(), books);
    shelf.restore(br#"{"books":[],"placed_at":"2026-11-22T00:00:00Z"}"#).unwrap();
    assert_eq!(shelf.state::<Shelf>().books.len(), 0);
    assert!(shelf.restore(b"{}").unwrap_err().contains("the snapshot of `Shelf` does not decode"));
}

#[test]
fn upcast_gives_the_newest_version() {
    let newest = placed(2, r#"{"title":"Emma","at":"1970-01-01T00:00:00Z"}"#);
    assert_eq!(upcast("Shelf", &placed(1, V1)), Ok(newest.clone()));
    assert_eq!(upcast("Shelf", &newest), Ok(newest));
    assert!(upcast("Shelf", &placed(3, V1)).unwrap_err().contains("has no event `Placed` version 3"));
    assert!(upcast("Desk", &placed(1, V1)).unwrap_err().contains("no aggregate `Desk`; this plugin has: Shelf"));
}

#[test]
fn a_command_is_accepted_or_rejected() {
    let mut shelf = Harness::new("Shelf", "top");
    let events = shelf.handle("Place", 1, r#"{"title":"Emma"}"#).unwrap();
    assert_eq!(events, [placed(2, r#"{"title":"top/Emma","at":"1970-01-01T00:00:00Z"}"#)]);
    shelf.combine(&events).unwrap();
    let again = shelf.handle("Place", 1, r#"{"title":"top/Emma"}"#);
    assert_eq!(
        again,
        Err(Failure::Rejected(Rejection {
            code: "there-already".into(),
            message: "the book stands at 0 already".into(),
            detail: Some(br#"{"index":0}"#.to_vec()),
        }))
    );
}

#[test]
fn what_cannot_be_decided_says_why() {
    let shelf = Harness::new("Shelf", "top");
    for (name, version, json, reason) in [
        ("Burn", 1, "{}", "`Shelf` has no command `Burn` version 1; it has: `Deceive` version 1, `Place` version 1"),
        ("Place", 2, "{}", "`Shelf` has no command `Place` version 2"),
        ("Place", 1, "", "command `Place` version 1 does not decode: EOF"),
        ("Place", 1, "{}", "missing field `title`"),
        ("Place", 1, r#" ["Emma"]"#, "command `Place` version 1 must be a JSON object, not an array"),
        ("Place", 1, r#"{"title":"Emma","titel":1}"#, "unknown field `titel`, expected `title`"),
        ("Deceive", 1, "{}", "the handler of `Deceive` version 1 returned `Placed` version 2"),
    ] {
        match shelf.handle(name, version, json) {
            Err(Failure::Unknown(text) | Failure::Malformed(text)) => assert!(text.contains(reason), "{text}"),
            other => panic!("{name} v{version} {json}: {other:?}"),
        }
    }
    assert!(matches!(shelf.handle("Burn", 1, "{}"), Err(Failure::Unknown(_))));
    assert!(matches!(shelf.handle("Place", 1, "{}"), Err(Failure::Malformed(_))));
}

#[test]
fn a_broken_batch_is_refused() {
    let kinds = [("Placed", 1)];
    let whole = EventRef { kind: 0, size: V1.len() as u32 };
    for (kinds, events, payloads, reason) in [
        (&kinds, [whole], V1.as_bytes(), None),
        (&kinds, [EventRef { kind: 1, ..whole }], V1.as_bytes(), Some("a kind that it does not list")),
        (&kinds, [EventRef { size: 99, ..whole }], V1.as_bytes(), Some("end too early")),
        (&kinds, [EventRef { size: 3, ..whole }], V1.as_bytes(), Some("does not decode")),
        (&kinds, [whole], br#"{"name":"Emma"}}"#, Some("longer than its events")),
        (&kinds, [whole], b"{\"name\":\"Emm\xff\"}", Some("not UTF-8")),
        (&[("Burnt", 1)], [whole], V1.as_bytes(), Some("has no event `Burnt` version 1")),
    ] {
        let mut shelf = Instance::restore("Shelf", "top".into(), None).unwrap();
        let outcome = shelf.combine(kinds.iter().copied(), events, payloads);
        match reason {
            None => assert_eq!(outcome, Ok(())),
            Some(reason) => assert!(outcome.clone().is_err_and(|error| error.contains(reason)), "{outcome:?}"),
        }
    }
}
