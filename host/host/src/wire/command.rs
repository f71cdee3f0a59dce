//! Commands as callers write them.

use cantus_model::{AggregateRef, Command};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// A command as one JSON object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandJson<'a> {
    id: Option<String>,
    aggregate: String,
    aggregate_id: String,
    command: String,
    version: Option<u32>,
    #[serde(borrow)]
    payload: &'a RawValue,
    expected_version: Option<u64>,
    actor: Option<String>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    #[serde(default, deserialize_with = "string_pairs")]
    metadata: Vec<(String, String)>,
}

/// The error of a text that is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct CommandSyntaxError {
    /// The column of the error, from 1.
    pub column: usize,
    /// The reason, for people.
    pub message: String,
}

/// Creates a new command id: a UUID of version 7.
pub fn new_command_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Parses a command from one JSON object. The payload keeps its bytes. `new_id` makes the id of a command without one.
///
/// # Errors
/// If the text is not a JSON object, or a field is missing, unknown, empty or of the wrong type.
pub fn parse_command(text: &[u8], new_id: impl FnOnce() -> String) -> Result<Command, CommandSyntaxError> {
    let error = |column: usize, message: String| CommandSyntaxError { column, message };
    // serde would accept an array as well, with its values for the fields in their order.
    if text.trim_ascii_start().first() == Some(&b'[') {
        return Err(error(1, "a command is one JSON object, not an array".to_owned()));
    }
    let command: CommandJson<'_> = serde_json::from_slice(text).map_err(|why| {
        let message = why.to_string();
        let position = format!(" at line {} column {}", why.line(), why.column());
        let message = message.strip_suffix(&position).unwrap_or(&message);
        let prefix = if why.is_data() { "" } else { "it is not a JSON object: " };
        error(why.column().max(1), format!("{prefix}{message}"))
    })?;
    for (name, value) in [("id", command.id.as_deref()), ("aggregate_id", Some(&*command.aggregate_id))] {
        if value.is_some_and(str::is_empty) {
            return Err(error(1, format!("`{name}` is empty")));
        }
    }
    Ok(Command {
        id: command.id.unwrap_or_else(new_id),
        aggregate: AggregateRef::new(command.aggregate, command.aggregate_id),
        name: command.command,
        version: command.version,
        payload: command.payload.get().as_bytes().to_vec(),
        expected_version: command.expected_version,
        actor: command.actor,
        correlation_id: command.correlation_id,
        causation_id: command.causation_id,
        metadata: command.metadata,
    })
}

/// Reads an object of strings in its order.
fn string_pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    struct StringPairs;
    impl<'de> de::Visitor<'de> for StringPairs {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object of strings")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    deserializer.deserialize_map(StringPairs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LINE: &str = r#"{"id":"i","aggregate":"A","aggregate_id":"1","command":"C","version":2,
        "payload":{ "x": 1.50 },"expected_version":4,"actor":"me","metadata":{"b":"1","a":"2"}}"#;

    #[test]
    fn a_payload_keeps_its_bytes() {
        let command = parse_command(LINE.as_bytes(), new_command_id).unwrap();
        assert_eq!(command.payload, b"{ \"x\": 1.50 }");
        assert_eq!((command.version, command.expected_version, command.actor), (Some(2), Some(4), Some("me".into())));
        assert_eq!(command.metadata, [("b".into(), "1".into()), ("a".into(), "2".into())]);
    }

    #[test]
    fn a_command_without_an_id_gets_a_new_one() {
        let line = br#"{"aggregate":"A","aggregate_id":"1","command":"C","payload":null}"#;
        let (one, two) = (parse_command(line, new_command_id).unwrap(), parse_command(line, new_command_id).unwrap());
        assert_ne!(one.id, two.id);
        assert_eq!(one.payload, b"null");
    }

    #[test]
    fn errors_name_the_column_and_the_reason() {
        let error = |text: &str| {
            let error = parse_command(text.as_bytes(), new_command_id).unwrap_err();
            (error.column, error.message)
        };
        assert_eq!(error("{]"), (2, "it is not a JSON object: key must be a string".to_owned()));
        assert_eq!(error("{\"aggregate\":5}").1, "invalid type: integer `5`, expected a string");
        assert_eq!(error("{}").1, "missing field `aggregate`");
        assert_eq!(error(" [\"1\"]"), (1, "a command is one JSON object, not an array".to_owned()));
        let unknown = LINE.replace("actor", "actr");
        assert!(error(&unknown).1.starts_with("unknown field `actr`, expected one of `id`, `aggregate`"));
        assert_eq!(
            error(&LINE.replace("\"1\",\"command\"", "\"\",\"command\"")),
            (1, "`aggregate_id` is empty".into())
        );
    }
}
