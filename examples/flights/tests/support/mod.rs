//! Runs commands natively, as the host runs them on the component, and keeps what came of them.

use std::collections::BTreeMap;

use cantus_sdk::testing::Harness;
use cantus_sdk::{Failure, Message, Timestamp};
use flights::feed::{CommandLine, Timeline};
use serde::Serialize;
use serde_json::value::RawValue;

/// Aggregate type and id.
type Name = (&'static str, String);

/// The results of all commands of a timeline.
pub(crate) struct Run {
    streams: BTreeMap<Name, Stream>,
    pub(crate) summary: Summary,
}

/// One aggregate and its events so far.
struct Stream {
    aggregate: Harness,
    events: Vec<Message>,
}

/// The results of all commands, counted.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    aggregates: BTreeMap<&'static str, usize>,
    commands: usize,
    accepted: usize,
    /// By code.
    rejected: BTreeMap<String, usize>,
    /// By name.
    events: BTreeMap<String, usize>,
}

/// One line of the golden file.
#[derive(Serialize)]
struct Line<'a> {
    aggregate: &'a str,
    id: &'a str,
    version: usize,
    event: &'a str,
    schema_version: u32,
    payload: &'a RawValue,
}

impl Run {
    /// Runs all commands. The host would take `now` from its clock.
    pub(crate) fn new(timeline: &Timeline, now: Timestamp) -> Self {
        let mut run = Self { streams: BTreeMap::new(), summary: Summary::default() };
        for command in timeline.commands() {
            run.decide(&command.unwrap(), now);
        }
        run
    }

    fn decide(&mut self, command: &CommandLine, now: Timestamp) {
        let name = (command.aggregate, command.aggregate_id.clone());
        let stream = self.streams.entry(name).or_insert_with_key(|(aggregate, id)| {
            *self.summary.aggregates.entry(*aggregate).or_default() += 1;
            Stream { aggregate: Harness::new(aggregate, id), events: Vec::new() }
        });
        stream.aggregate.context.now = now;
        stream.aggregate.context.command_id.clone_from(&command.id);
        self.summary.commands += 1;
        match stream.aggregate.handle(command.command, command.version, command.payload.get()) {
            Ok(events) => {
                self.summary.accepted += 1;
                for event in &events {
                    *self.summary.events.entry(event.name.clone()).or_default() += 1;
                }
                stream.aggregate.combine(&events).unwrap();
                stream.events.extend(events);
            }
            Err(Failure::Rejected(rejection)) => *self.summary.rejected.entry(rejection.code).or_default() += 1,
            Err(fault) => panic!("{}: {fault:?}", command.id),
        }
    }

    /// All events as JSON Lines, sorted by aggregate type, id and version.
    pub(crate) fn events(&self) -> String {
        let mut text = String::new();
        for ((aggregate, id), stream) in &self.streams {
            for (version, event) in (1..).zip(&stream.events) {
                let payload: &RawValue = serde_json::from_slice(&event.payload).unwrap();
                let (event, schema_version) = (event.name.as_str(), event.version);
                let line = Line { aggregate, id, version, event, schema_version, payload };
                text += &serde_json::to_string(&line).unwrap();
                text.push('\n');
            }
        }
        text
    }
}
