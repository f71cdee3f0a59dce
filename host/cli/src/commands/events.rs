//! `cantus events`: the log, or one aggregate's stream, oldest first. Only reads.

use cantus_model::{AggregateRef, EventQuery, RecordedEvent};
use serde_json::{json, value::RawValue};

use crate::{
    args::{Global, StoreArg},
    exit_codes::{Exit, Failure, OrExit},
    output, render, settings, wiring,
};

const EXAMPLES: &str = "\
Examples:
  cantus events
  cantus events --after 99 --limit 20
  cantus events Counter c-1
  cantus events --json --limit 1000000 > events.jsonl

Without an aggregate, --after is an offset of the log (from 0); with one, a stream version (from 1).";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only this aggregate type's stream
    #[arg(requires = "id")]
    aggregate: Option<String>,
    /// The aggregate's id
    id: Option<String>,
    /// Only events beyond this offset, or beyond this stream version
    #[arg(long, value_name = "P")]
    after: Option<u64>,
    /// At most this many events
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    #[command(flatten)]
    store: StoreArg,
}

/// Prints them, page by page.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn run(args: Args, global: &Global) -> Result<Exit, Failure> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let store = wiring::open_to_read(&settings).await?;
    let aggregate = args.aggregate.zip(args.id).map(|(kind, id)| AggregateRef::new(kind, id));
    let mut after = args.after;
    let mut left = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut printed = 0;
    while left > 0 {
        let query = EventQuery {
            aggregate: aggregate.clone(),
            after,
            limit: left.min(settings.engine.page_events),
            ..Default::default()
        };
        let page = store.read_events(&query).await.or_exit(Exit::Store)?;
        let Some(last) = page.last() else { break };
        after = Some(if aggregate.is_some() { last.version } else { last.position.offset });
        left -= page.len().min(left);
        print(&page, global.json)?;
        printed += page.len();
        if page.len() < query.limit {
            return Ok(Exit::Ok);
        }
    }
    hint(printed, left, after, global.json);
    Ok(Exit::Ok)
}

/// Tells a person why there is nothing, or how to see the rest.
fn hint(printed: usize, left: usize, after: Option<u64>, as_json: bool) {
    match (printed, after) {
        _ if as_json => {}
        (0, _) if left > 0 => eprintln!("no events"),
        (_, Some(after)) if left == 0 => eprintln!("there may be more: --after {after}"),
        _ => {}
    }
}

fn print(page: &[RecordedEvent], as_json: bool) -> Result<(), Failure> {
    if !as_json {
        return output::print(&text(page));
    }
    let mut lines = String::new();
    for event in page {
        lines.push_str(&output::json_line(&line(event))?);
    }
    output::print(&lines)
}

/// One event for programs.
pub(crate) fn line(event: &RecordedEvent) -> impl serde::Serialize + use<> {
    #[derive(serde::Serialize)]
    struct Line {
        #[serde(flatten)]
        fields: serde_json::Value,
        payload: Box<RawValue>,
    }
    let fields = json!({
        "partition": event.position.partition,
        "offset": event.position.offset,
        "aggregate": event.aggregate.aggregate_type,
        "aggregate_id": event.aggregate.id,
        "version": event.version,
        "event": event.event.name,
        "event_version": event.event.version,
        "recorded_at": render::time(event.recorded_at),
        "recorded_at_micros": event.recorded_at.0,
        "command_id": event.command_id,
    });
    Line { fields, payload: render::payload_json(&event.event.payload) }
}

/// Events for people.
pub(crate) fn text(events: &[RecordedEvent]) -> String {
    let row = |event: &RecordedEvent| {
        vec![
            render::time(event.recorded_at),
            format!("{}:{}", event.position.partition, event.position.offset),
            event.aggregate.to_string(),
            event.version.to_string(),
            match event.event.version {
                1 => event.event.name.clone(),
                version => format!("{} v{version}", event.event.name),
            },
            render::payload(&event.event.payload),
        ]
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    render::table(&["recorded at", "position", "aggregate", "version", "event", "payload"], &[1, 3], &rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cantus_model::{Message, PartitionId, Position, Timestamp};

    use super::*;

    fn event() -> RecordedEvent {
        RecordedEvent {
            position: Position { partition: PartitionId::FIRST, offset: 7 },
            aggregate: AggregateRef::new("Counter", "c-1"),
            version: 3,
            event: Message { name: "Counted".into(), version: 2, payload: b"{\"by\": 1.50}".to_vec() },
            recorded_at: Timestamp(1_357_035_420_000_000),
            command_id: "x".into(),
        }
    }

    #[test]
    fn people_see_a_table() {
        assert_eq!(
            text(&[event()]),
            "recorded at                  position  aggregate    version  event       payload\n\
             2013-01-01T10:17:00.000000Z       0:7  Counter/c-1        3  Counted v2  {\"by\": 1.50}\n"
        );
    }

    #[test]
    fn programs_get_the_payload_as_it_was_stored() {
        let line = output::json_line(&line(&event())).unwrap();
        assert!(line.ends_with("\"payload\":{\"by\": 1.50}}\n"), "{line}");
    }
}
