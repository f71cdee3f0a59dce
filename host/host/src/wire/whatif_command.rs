//! Commands of a what-if, as callers write them.

use std::collections::BTreeMap;

use cantus_model::{AggregateRef, Command, CommandRecord};
use serde_json::value::{RawValue, to_raw_value};

use super::parse_command;

/// Parses a command that is decided in another timeline of `aggregate`. Fields that are known may be left out: the aggregate,
/// and, if the command stands in for the recorded command `replaced`, everything that was recorded with it. `new_id` makes the
/// id of a command without one.
///
/// # Errors
/// The reason, for people, if it is not a JSON object of a command, or is for another aggregate.
pub fn parse_whatif_command(
    text: &[u8],
    aggregate: &AggregateRef,
    replaced: Option<&CommandRecord>,
    new_id: impl FnOnce() -> String,
) -> Result<Command, String> {
    let mut fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(text).map_err(|error| format!("it is not a JSON object: {error}"))?;
    let is_given = |name: &str| fields.contains_key(name);
    let (has_command, has_payload) = (is_given("command"), is_given("payload"));
    let mut known =
        vec![("aggregate", to_raw_value(&aggregate.aggregate_type)), ("aggregate_id", to_raw_value(&aggregate.id))];
    if let Some(CommandRecord { command, context, .. }) = replaced {
        known.extend([
            ("id", to_raw_value(&context.command_id)),
            ("command", to_raw_value(&command.name)),
            ("payload", to_raw_value(&())), // the recorded payload need not be JSON, so it is set below
            ("actor", to_raw_value(&context.actor)),
            ("correlation_id", to_raw_value(&context.correlation_id)),
            ("causation_id", to_raw_value(&context.causation_id)),
            ("metadata", metadata_json(&context.metadata)),
        ]);
        if !has_command {
            known.push(("version", to_raw_value(&command.version)));
        }
    }
    for (name, value) in known {
        fields.entry(name.to_owned()).or_insert(value.map_err(|error| error.to_string())?);
    }
    let line = serde_json::to_vec(&fields).map_err(|error| error.to_string())?;
    let mut command = parse_command(&line, new_id).map_err(|error| error.message)?;
    if let Some(replaced) = replaced
        && !has_payload
    {
        command.payload.clone_from(&replaced.command.payload);
    }
    check_aggregate(aggregate, &command).map(|()| command)
}

/// Checks that a command of a what-if is for its aggregate.
///
/// # Errors
/// The reason, for people, if it is for another one.
pub fn check_aggregate(aggregate: &AggregateRef, command: &Command) -> Result<(), String> {
    match command.aggregate == *aggregate {
        true => Ok(()),
        false => Err(format!("the command is for {}, but the what-if is about {aggregate}", command.aggregate)),
    }
}

/// Writes metadata as an object, in its order.
fn metadata_json(pairs: &[(String, String)]) -> serde_json::Result<Box<RawValue>> {
    let field = |(key, value): &(String, String)| {
        serde_json::to_string(key).and_then(|key| Ok(format!("{key}:{}", serde_json::to_string(value)?)))
    };
    let fields: Vec<String> = pairs.iter().map(field).collect::<Result<_, _>>()?;
    RawValue::from_string(format!("{{{}}}", fields.join(",")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cantus_model::{Context, Digest, Message, Outcome, Timestamp};

    use super::*;

    fn parse(text: &str, aggregate: &AggregateRef, replaced: Option<&CommandRecord>) -> Result<Command, String> {
        parse_whatif_command(text.as_bytes(), aggregate, replaced, || "what-if-1".to_owned())
    }

    fn ada() -> AggregateRef {
        AggregateRef::new("Account", "ada")
    }

    fn recorded(payload: &[u8]) -> CommandRecord {
        CommandRecord {
            aggregate: ada(),
            request_hash: Digest::default(),
            base_version: 3,
            command: Message { name: "Withdraw".into(), version: 2, payload: payload.into() },
            context: Context {
                command_id: "w-1".into(),
                now: Timestamp(7),
                seed: 1,
                correlation_id: "c".into(),
                causation_id: None,
                actor: Some("teller \"7\"".into()),
                metadata: vec![("b".into(), "1".into()), ("a\"".into(), "2".into())],
            },
            outcome: Outcome::Accepted { events: 0 },
            first_offset: None,
            component: Digest::default(),
        }
    }

    #[test]
    fn an_inserted_command_needs_a_name_and_a_payload() {
        let inserted = parse(r#"{"command":"Withdraw","payload":{ "amount": 1.50 }}"#, &ada(), None).unwrap();
        assert_eq!((&*inserted.id, inserted.aggregate, inserted.version), ("what-if-1", ada(), None));
        assert_eq!(inserted.payload, b"{ \"amount\": 1.50 }");
        let error = |text| parse(text, &ada(), None).unwrap_err();
        assert_eq!(error(r#"{"payload":1}"#), "missing field `command`");
        assert!(error(r#"{"command":"W","payload":1,"actr":"x"}"#).starts_with("unknown field `actr`"));
        assert!(error("[1]").starts_with("it is not a JSON object: invalid type: sequence"), "{}", error("[1]"));
        assert!(error("{").starts_with("it is not a JSON object: EOF"), "{}", error("{"));
        let elsewhere = r#"{"aggregate_id":"bob","command":"W","payload":1}"#;
        assert_eq!(error(elsewhere), "the command is for Account/bob, but the what-if is about Account/ada");
    }

    #[test]
    fn a_replacement_keeps_every_recorded_field_that_it_omits() {
        let replaced = recorded(&[0xff]);
        let same = parse("{}", &ada(), Some(&replaced)).unwrap();
        assert_eq!((&*same.id, &*same.name, same.version, &*same.payload), ("w-1", "Withdraw", Some(2), &[0xff][..]));
        assert_eq!((same.actor, same.correlation_id), (replaced.context.actor.clone(), Some("c".into())));
        assert_eq!(same.metadata, replaced.context.metadata);
        let other = parse(r#"{"command":"Deposit","payload":{},"id":"x"}"#, &ada(), Some(&replaced)).unwrap();
        assert_eq!((&*other.id, &*other.name, other.version, &*other.payload), ("x", "Deposit", None, &b"{}"[..]));
    }
}
