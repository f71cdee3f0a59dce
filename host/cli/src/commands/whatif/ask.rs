//! What is asked in the new timeline and was never recorded.

use cantus_host::wire::parse_command;
use std::{collections::BTreeMap, path::Path};

use cantus_model::{AggregateRef, Command, CommandRecord};
use cantus_replay::whatif::Branch;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    commands::run::input::{self, Item},
    exit_codes::{CliError, Exit},
};

/// The change at the branch point.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct ChangeArgs {
    /// Ask this in place of the command
    #[arg(long, value_name = "JSON")]
    pub(super) replace: Option<String>,
    /// Ask this right after the command
    #[arg(long, value_name = "JSON")]
    pub(super) insert: Option<String>,
    /// Leave the command out
    #[arg(long)]
    pub(super) drop: bool,
}

/// Lines that are read before they are taken.
const AHEAD: usize = 64;

/// The command of the change, if it has one, and those of the file.
pub(super) async fn commands(
    change: &ChangeArgs,
    file: Option<&Path>,
    branch: &Branch,
    line_bytes: usize,
) -> Result<Vec<Command>, CliError> {
    let (flag, json, replaced) = match change {
        ChangeArgs { replace: Some(json), .. } => ("--replace", Some(json), branch.command.as_ref()),
        ChangeArgs { insert, .. } => ("--insert", insert.as_ref(), None),
    };
    let refused = |what: &str, why: String| CliError::new(Exit::Usage, format!("{what}: {why}"));
    let mut commands = Vec::new();
    if let Some(json) = json {
        let command = command(json, &branch.aggregate, replaced).map_err(|why| refused(flag, why))?;
        commands.push(command);
    }
    if let Some(file) = file {
        let mut number = commands.iter().filter(|command| command.id == new_id(1)).count();
        let new_id = move || {
            number += 1;
            new_id(number)
        };
        let mut lines = input::read(input::open(file)?, line_bytes, AHEAD, new_id);
        while let Some(item) = lines.recv().await {
            let (line, command) = match item {
                Item::Command { line, command, .. } => (line, meant_for(&branch.aggregate, *command)),
                Item::Invalid { line, column, message } => (line, Err(format!("column {column}: {message}"))),
                Item::Unreadable(error) => return Err(refused(&file.display().to_string(), error.to_string())),
            };
            let what = || format!("{}, line {line}", file.display());
            commands.push(command.map_err(|why| refused(&what(), why))?);
        }
    }
    Ok(commands)
}

/// Ids that are made up are the same every time.
fn new_id(number: usize) -> String {
    format!("what-if-{number}")
}

/// A line of `cantus run` that may leave out what is known already.
fn command(text: &str, aggregate: &AggregateRef, replaced: Option<&CommandRecord>) -> Result<Command, String> {
    let mut fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(text).map_err(|error| format!("no JSON object: {error}"))?;
    let is_given = |name: &str| fields.contains_key(name);
    let (has_command, has_payload) = (is_given("command"), is_given("payload"));
    let mut known =
        vec![("aggregate", to_raw_value(&aggregate.aggregate_type)), ("aggregate_id", to_raw_value(&aggregate.id))];
    if let Some(CommandRecord { command, context, .. }) = replaced {
        known.extend([
            ("id", to_raw_value(&context.command_id)),
            ("command", to_raw_value(&command.name)),
            ("payload", to_raw_value(&())), // it need not be JSON
            ("actor", to_raw_value(&context.actor)),
            ("correlation_id", to_raw_value(&context.correlation_id)),
            ("causation_id", to_raw_value(&context.causation_id)),
            ("metadata", object(&context.metadata)),
        ]);
        if !has_command {
            known.push(("version", to_raw_value(&command.version)));
        }
    }
    for (name, value) in known {
        fields.entry(name.to_owned()).or_insert(value.map_err(|error| error.to_string())?);
    }
    let line = serde_json::to_vec(&fields).map_err(|error| error.to_string())?;
    let mut command = parse_command(&line, || new_id(1)).map_err(|error| error.message)?;
    if let Some(replaced) = replaced
        && !has_payload
    {
        command.payload.clone_from(&replaced.command.payload);
    }
    meant_for(aggregate, command)
}

/// Pairs as an object, in their order.
fn object(pairs: &[(String, String)]) -> serde_json::Result<Box<RawValue>> {
    let field = |(key, value): &(String, String)| {
        serde_json::to_string(key).and_then(|key| Ok(format!("{key}:{}", serde_json::to_string(value)?)))
    };
    let fields: Vec<String> = pairs.iter().map(field).collect::<Result<_, _>>()?;
    RawValue::from_string(format!("{{{}}}", fields.join(",")))
}

fn meant_for(aggregate: &AggregateRef, command: Command) -> Result<Command, String> {
    match command.aggregate == *aggregate {
        true => Ok(command),
        false => Err(format!("it is for {}, and this is about {aggregate}", command.aggregate)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cantus_model::{Context, Digest, Message, Outcome, Timestamp};

    use super::*;

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
    fn what_is_inserted_needs_a_command_and_a_payload() {
        let inserted = command(r#"{"command":"Withdraw","payload":{ "amount": 1.50 }}"#, &ada(), None).unwrap();
        assert_eq!((&*inserted.id, inserted.aggregate, inserted.version), ("what-if-1", ada(), None));
        assert_eq!(inserted.payload, b"{ \"amount\": 1.50 }");
        let error = |text| command(text, &ada(), None).unwrap_err();
        assert_eq!(error(r#"{"payload":1}"#), "missing field `command`");
        assert!(error(r#"{"command":"W","payload":1,"actr":"x"}"#).starts_with("unknown field `actr`"));
        assert!(error("[1]").starts_with("no JSON object: invalid type: sequence"), "{}", error("[1]"));
        assert!(error("{").starts_with("no JSON object: EOF"), "{}", error("{"));
        let elsewhere = r#"{"aggregate_id":"bob","command":"W","payload":1}"#;
        assert_eq!(error(elsewhere), "it is for Account/bob, and this is about Account/ada");
    }

    #[test]
    fn a_replacement_is_the_recorded_command_but_for_what_it_says() {
        let replaced = recorded(&[0xff]);
        let same = command("{}", &ada(), Some(&replaced)).unwrap();
        assert_eq!((&*same.id, &*same.name, same.version, &*same.payload), ("w-1", "Withdraw", Some(2), &[0xff][..]));
        assert_eq!((same.actor, same.correlation_id), (replaced.context.actor.clone(), Some("c".into())));
        assert_eq!(same.metadata, replaced.context.metadata);
        let other = command(r#"{"command":"Deposit","payload":{},"id":"x"}"#, &ada(), Some(&replaced)).unwrap();
        assert_eq!((&*other.id, &*other.name, other.version, &*other.payload), ("x", "Deposit", None, &b"{}"[..]));
    }
}
