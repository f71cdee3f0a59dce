//! `cantus explain`: one command with everything that its decision rests on, and what came of it. Only reads.

use std::{fmt::Write as _, sync::Arc};

use cantus_model::{ports::{Component, Store, StoreError}, CommandRecord, ComponentRecord, EventQuery, Outcome, PageLimit, RecordedEvent, Rejection};
use cantus_replay::{fold, FoldError};
use serde::Serialize;
use serde_json::{json, value::RawValue, Value};

use crate::{args::{Global, StoreArg}, exit_codes::{CliError, Exit, OrExit}, output, render::{escaped, message, self, Length}, settings::{self, Settings}, wiring};
use super::events::{self, Pages};

const EXAMPLES: &str = "\
Examples:
  cantus explain 0198f0c2-6a3e-7b60-9d1a-5d3f0c5a1e11
  cantus explain wd-17 --json | jq .state_before

The ids of commands are in what `cantus events --json` prints. The states before and after are
folded by the component that decided, from the component store. To ask what another command
would have led to, see `cantus whatif`. A payload of more than 4,096 bytes is cut, and the bytes
that are left out are counted; --full shows all of it, and so does --json.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The command's id
    command_id: String,
    /// Show payloads whole, however long they are
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    store: StoreArg,
}

/// All that is known of a command.
struct Explained {
    record: CommandRecord,
    /// The component that decided, if it was ever live.
    component: Option<ComponentRecord>,
    events: Vec<RecordedEvent>,
    /// The states before and after, or why they cannot be told.
    states: Result<[Vec<u8>; 2], String>,
}

/// Prints it.
///
/// # Errors
/// If there is no such command, or the store cannot be read.
pub(crate) async fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let store = wiring::open_to_read(&settings).await?;
    let Some(record) = store.command(&args.command_id).await.or_exit(Exit::Store)? else {
        let id = &args.command_id;
        return Err(CliError::new(Exit::Some, format!("no command {id:?} is recorded in {}", settings.store)));
    };
    let explained = explain(&settings, &*store, record).await?;
    match global.json {
        true => output::print_json(&explained.json())?,
        false => output::print(&explained.text(Length::of(args.full)))?,
    }
    Ok(Exit::Ok)
}

async fn explain(settings: &Settings, store: &dyn Store, record: CommandRecord) -> Result<Explained, CliError> {
    let components = store.components().await.or_exit(Exit::Store)?;
    let component = components.into_iter().find(|component| component.digest == record.component);
    let page = PageLimit { events: settings.engine.page_events, bytes: settings.engine.page_bytes };
    let events = produced(store, &record, page).await.or_exit(Exit::Store)?;
    let states = match wiring::recorded(settings)?(record.component) {
        Ok(Some(component)) => states(store, &component, &record).await.or_exit(Exit::Store)?,
        Ok(None) => Err("the component is not in the component store".to_owned()),
        Err(why) => Err(why.to_string()),
    };
    Ok(Explained { record, component, events, states })
}

/// The events that it produced.
async fn produced(
    store: &dyn Store,
    record: &CommandRecord,
    page: PageLimit,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let query = EventQuery {
        aggregate: Some(record.aggregate.clone()),
        after: Some(record.base_version),
        limit: usize::try_from(record.version() - record.base_version).unwrap_or(usize::MAX),
        ..Default::default()
    };
    let (mut pages, mut events) = (Pages::of(store, query, page), Vec::new());
    while let Some(page) = pages.next().await? {
        events.extend(page);
    }
    Ok(events)
}

async fn states(
    store: &dyn Store,
    component: &Arc<dyn Component>,
    record: &CommandRecord,
) -> Result<Result<[Vec<u8>; 2], String>, StoreError> {
    let mut states = [Vec::new(), Vec::new()];
    for (state, version) in states.iter_mut().zip([record.base_version, record.version()]) {
        *state = match fold(store, Arc::clone(component), &record.aggregate, Some(version)).await {
            Ok(folded) => folded.state,
            Err(FoldError::Fault(fault)) => return Ok(Err(fault.to_string())),
            Err(FoldError::Store(error)) => return Err(error),
        };
    }
    Ok(Ok(states))
}

/// For programs.
#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    fields: Value,
    outcome: OutcomeJson<'a>,
    payload: Box<RawValue>,
    events: Vec<Box<RawValue>>,
    state_before: Option<Box<RawValue>>,
    state_after: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum OutcomeJson<'a> {
    Accepted,
    Rejected { code: &'a str, message: &'a str, detail: Option<Box<RawValue>> },
}

impl<'a> OutcomeJson<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        match outcome {
            Outcome::Accepted { .. } => Self::Accepted,
            Outcome::Rejected(Rejection { code, message, detail }) => {
                Self::Rejected { code, message, detail: detail.as_deref().map(render::payload_json) }
            }
        }
    }
}

impl Explained {
    fn json(&self) -> Json<'_> {
        let CommandRecord { aggregate, command, context, .. } = &self.record;
        let manifest = self.component.as_ref().map(|component| &component.manifest);
        let mut fields = json!({
            "command_id": context.command_id,
            "aggregate": aggregate.aggregate_type,
            "aggregate_id": aggregate.id,
            "command": command.name,
            "command_version": command.version,
            "context": context,
            "recorded_at": render::time(context.now),
            "component": self.record.component,
            "plugin": manifest.map(|manifest| &manifest.name),
            "plugin_version": manifest.map(|manifest| &manifest.version),
            "version_before": self.record.base_version,
            "version_after": self.record.version(),
        });
        if let Err(why) = &self.states {
            fields["state_error"] = why.as_str().into();
        }
        let raw = |event| serde_json::value::to_raw_value(&events::line(event)).unwrap_or_default();
        let state = |place: usize| self.states.as_ref().ok().map(|states| render::payload_json(&states[place]));
        Json {
            fields,
            outcome: OutcomeJson::of(&self.record.outcome),
            payload: render::payload_json(&command.payload),
            events: self.events.iter().map(raw).collect(),
            state_before: state(0),
            state_after: state(1),
        }
    }

    /// For people.
    fn text(&self, length: Length) -> String {
        let CommandRecord { aggregate, command, context, .. } = &self.record;
        let version = if command.version == 1 { String::new() } else { format!(" v{}", command.version) };
        let what = escaped(format_args!("{} {}{version} for {aggregate}", context.command_id, command.name));
        let mut text = format!("{what}\n{}\n\n", render::payload_of(&command.payload, length));
        for (name, value) in self.circumstances() {
            let value = if length == Length::Full { escaped(value) } else { message(value) };
            let _ = writeln!(text, "{name:16}{value}");
        }
        text.push('\n');
        let [before, after] = [self.record.base_version, self.record.version()];
        let state = |place: usize| match &self.states {
            Ok(states) => render::payload_pretty(&states[place]),
            Err(why) => format!("cannot be told: {}", message(why)),
        };
        let _ = writeln!(text, "the state before, at version {before}\n{}\n", state(0));
        let _ = writeln!(text, "{}", outcome(&self.record.outcome, length));
        if !self.events.is_empty() {
            let events = events::text(&self.events, length);
            let _ = write!(text, "{events}\nthe state after, at version {after}\n{}\n", state(1));
        }
        text
    }

    /// What the decision rests on besides command and state, and who took it.
    fn circumstances(&self) -> Vec<(&'static str, String)> {
        let context = &self.record.context;
        let mut rows = vec![
            ("at", render::time(context.now)),
            ("seed", context.seed.to_string()),
            ("correlation id", context.correlation_id.clone()),
        ];
        rows.extend(context.causation_id.clone().map(|id| ("causation id", id)));
        rows.extend(context.actor.clone().map(|actor| ("actor", actor)));
        rows.extend(context.metadata.iter().map(|(key, value)| ("metadata", format!("{key} = {value}"))));
        let who = wiring::name_in(self.component.as_slice(), self.record.component);
        rows.extend([("decided by", who), ("component", self.record.component.to_string())]);
        rows
    }
}

fn outcome(outcome: &Outcome, length: Length) -> String {
    match outcome {
        Outcome::Accepted { events: 0 } => "accepted, without events".to_owned(),
        Outcome::Accepted { events: 1 } => "accepted, 1 event".to_owned(),
        Outcome::Accepted { events } => format!("accepted, {events} events"),
        Outcome::Rejected(Rejection { code, message: why, detail }) => {
            let detail = detail.as_ref().map(|detail| format!(" {}", render::payload_of(detail, length)));
            format!("rejected: {}: {}{}", message(code), message(why), detail.unwrap_or_default())
        }
    }
}
