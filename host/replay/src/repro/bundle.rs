//! Repro bundles as data, and as a file.

use cantus_model::{AggregateRef, Context, Digest, EventBatch, Fault, FaultKind, Message, Snapshot};
use serde::{Deserialize, Serialize};

/// The version of the format that is written. The module describes it.
const FORMAT: u32 = 1;
/// The calls in which a guest can fault.
const CALLS: [&str; 5] = ["instantiate", "restore", "combine", "handle", "snapshot"];

/// Everything that is needed to reproduce a fault, except the component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    #[serde(rename = "cantus_repro")]
    pub(super) format: u32,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub plugin_version: semver::Version,
    /// The component that faulted.
    pub component: Digest,
    /// The aggregate on whose state it faulted.
    pub aggregate: AggregateRef,
    /// The stream version of that state.
    pub version: u64,
    /// A snapshot from which the state may be restored, by the same component only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<BundleSnapshot>,
    /// The events begin after this version.
    pub after: u64,
    /// The events up to `version`, oldest first.
    pub events: Vec<EventBody>,
    /// The command that was decided; absent if the guest faulted in another call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<BundleCommand>,
    /// The recorded fault.
    pub fault: BundleFault,
    /// The reason why it cannot be run, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// The count of events before some were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened_from: Option<u64>,
}

/// A snapshot in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleSnapshot {
    /// The stream version of the state.
    pub version: u64,
    /// The state, as the guest returned it.
    #[serde(with = "bytes")]
    pub state: Vec<u8>,
}

impl From<Snapshot> for BundleSnapshot {
    fn from(snapshot: Snapshot) -> Self {
        Self { version: snapshot.version, state: snapshot.state }
    }
}

/// An event in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventBody {
    /// The name that the plugin declares.
    pub name: String,
    /// The version of the payload's schema.
    pub version: u32,
    /// The payload, in the plugin's payload format.
    #[serde(with = "bytes")]
    pub payload: Vec<u8>,
}

/// A command in a bundle, with its context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleCommand {
    /// The name that the plugin declares.
    pub name: String,
    /// The version of the payload's schema.
    pub version: u32,
    /// The payload, in the plugin's payload format.
    #[serde(with = "bytes")]
    pub payload: Vec<u8>,
    /// The context in which the command was decided.
    pub context: Context,
}

/// A fault in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFault {
    /// The kind of failure.
    pub kind: FaultKind,
    /// The export that was running.
    pub call: String,
    /// One line for people.
    pub message: String,
    /// The wasm backtrace, innermost frame first.
    pub backtrace: Vec<String>,
}

/// The reason why a file is not a usable bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is another kind of file, or damaged.
    #[error("it is no repro bundle: {0}")]
    Malformed(String),
    /// A newer Cantus wrote it.
    #[error("its format is {found}, and this version of cantus knows formats up to {FORMAT}: use a newer one")]
    Newer {
        /// The version of its format.
        found: u32,
    },
}

/// The field that every version of the format has.
#[derive(Deserialize)]
struct BundleHeader {
    cantus_repro: u32,
}

impl Bundle {
    /// Creates the bundle of a fault on the initial state, still without events.
    pub fn new(plugin: &str, version: semver::Version, aggregate: AggregateRef, fault: &Fault) -> Self {
        Self {
            format: FORMAT,
            plugin: plugin.to_owned(),
            plugin_version: version,
            component: fault.component,
            aggregate,
            version: 0,
            snapshot: None,
            after: 0,
            events: Vec::new(),
            command: None,
            fault: BundleFault {
                kind: fault.kind,
                call: fault.call.to_owned(),
                message: fault.message.clone(),
                backtrace: fault.backtrace.clone(),
            },
            incomplete: None,
            shortened_from: None,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it is not a bundle, is damaged, contradicts itself, or has a newer format.
    pub fn parse(file: &[u8]) -> Result<Self, BundleError> {
        let malformed = |error: serde_json::Error| BundleError::Malformed(error.to_string());
        let BundleHeader { cantus_repro: found } = serde_json::from_slice(file).map_err(malformed)?;
        if found > FORMAT {
            return Err(BundleError::Newer { found });
        }
        let bundle: Self = serde_json::from_slice(file).map_err(malformed)?;
        bundle.check().map_err(BundleError::Malformed)?;
        Ok(bundle)
    }

    /// Writes the file.
    pub fn to_json(&self) -> Vec<u8> {
        // It holds only strings, numbers and lists, which always have a JSON form.
        let mut file = serde_json::to_vec_pretty(self).unwrap_or_default();
        file.push(b'\n');
        file
    }

    fn check(&self) -> Result<(), String> {
        let snapshot = self.snapshot.as_ref().map(|snapshot| snapshot.version);
        let end = self.after.saturating_add(self.events.len() as u64);
        if self.format != FORMAT {
            return Err(format!("there is no format {}", self.format));
        }
        if !CALLS.contains(&self.fault.call.as_str()) {
            return Err(format!("no guest has a call {:?}", self.fault.call));
        }
        if self.fault.call == "handle" && self.command.is_none() {
            return Err("it faulted in `handle`, but there is no command".into());
        }
        if self.after > 0 && snapshot != Some(self.after) && self.incomplete.is_none() {
            return Err(format!("its events begin after version {}, and there is no snapshot of that", self.after));
        }
        if snapshot.is_some_and(|version| version > self.version) {
            return Err(format!("its snapshot is of a later version than {}", self.version));
        }
        if end != self.version && self.shortened_from.is_none() && self.incomplete.is_none() {
            return Err(format!("its events end at version {end}, not at {}", self.version));
        }
        Ok(())
    }
}

impl BundleCommand {
    /// Creates the command of a bundle.
    pub fn new(command: Message, context: Context) -> Self {
        Self { name: command.name, version: command.version, payload: command.payload, context }
    }

    /// The message that the guest gets.
    pub(super) fn message(&self) -> Message {
        Message { name: self.name.clone(), version: self.version, payload: self.payload.clone() }
    }
}

impl<'a> FromIterator<&'a EventBody> for EventBatch {
    fn from_iter<T: IntoIterator<Item = &'a EventBody>>(events: T) -> Self {
        let mut batch = Self::default();
        for event in events {
            batch.push(&event.name, event.version, &event.payload);
        }
        batch
    }
}

/// Bytes as a string if they are UTF-8, otherwise in hexadecimal.
mod bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum BytesJson<T> {
        Text(T),
        Hex { hex: String },
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => BytesJson::Text(text).serialize(to),
            Err(_) => BytesJson::<&str>::Hex { hex: hex::encode(bytes) }.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        match BytesJson::<String>::deserialize(from)? {
            BytesJson::Text(text) => Ok(text.into_bytes()),
            BytesJson::Hex { hex } => hex::decode(hex).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bundle() -> Bundle {
        let fault = Fault {
            kind: FaultKind::Trap,
            call: "combine",
            message: "no".into(),
            backtrace: vec!["inner".into(), "outer".into()],
            plugin: "p@1.0.0".into(),
            component: Digest::of(b"p"),
        };
        let body = |payload: &[u8]| EventBody { name: "E".into(), version: 1, payload: payload.into() };
        let bundle = Bundle::new("p", semver::Version::new(1, 0, 0), AggregateRef::new("A", "a"), &fault);
        Bundle { version: 3, events: vec![body(b"{}"), body(&[0xff, 0]), body("\u{1}\"ü".as_bytes())], ..bundle }
    }

    #[test]
    fn a_parsed_bundle_equals_the_written_one() {
        let snapshot = BundleSnapshot { version: 2, state: vec![0x80] };
        let bundle = Bundle { snapshot: Some(snapshot), ..bundle() };
        assert_eq!(Bundle::parse(&bundle.to_json()).unwrap(), bundle);
        let text = String::from_utf8(bundle.to_json()).unwrap();
        assert!(text.contains(r#""payload": "{}""#) && text.contains(r#""hex": "ff00""#), "{text}");
    }

    #[test]
    fn a_file_that_is_not_a_bundle_is_refused_with_the_reason() {
        let refused = |file: &[u8]| Bundle::parse(file).unwrap_err().to_string();
        assert!(refused(b"").starts_with("it is no repro bundle: EOF"));
        assert!(refused(b"[1]").starts_with("it is no repro bundle"));
        assert!(refused(b"{}").contains("missing field `cantus_repro`"));
        assert!(refused(br#"{"cantus_repro": 2, "new": true}"#).starts_with("its format is 2"));
        let whole = bundle().to_json();
        assert!(refused(&whole[..whole.len() / 2]).starts_with("it is no repro bundle"));
        let text = String::from_utf8(whole).unwrap();
        for (from, to, why) in [
            (r#""after": 0"#, r#""after": 1"#, "begin after version 1"),
            (r#""version": 3"#, r#""version": 4"#, "end at version 3, not at 4"),
            (r#""call": "combine""#, r#""call": "comb""#, "no guest has a call \"comb\""),
            (r#""call": "combine""#, r#""call": "handle""#, "there is no command"),
            (r#""kind": "trap""#, r#""kind": "trip""#, "unknown variant `trip`"),
            (r#""hex": "ff00""#, r#""hex": "ff0""#, "Odd number of digits"),
            (r#""cantus_repro": 1"#, r#""cantus_repro": 0"#, "there is no format 0"),
            (r#""after": 0"#, r#""after": 0, "more": 1"#, "unknown field `more`"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(refused(text.replacen(from, to, 1).as_bytes()).contains(why), "{to}");
        }
    }
}
