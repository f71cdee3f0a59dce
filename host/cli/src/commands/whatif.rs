//! `cantus whatif`: one aggregate's history with a command changed, beside what was recorded. Only reads.

mod ask;
mod text;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cantus_host::{
    components::{load_file, name_of, stored_finder},
    wire::payload_json,
};
use cantus_model::{AggregateRef, ComponentRecord, Digest, Timestamp, ports::Component};
use cantus_replay::whatif::{
    Branch, BranchError, BranchPoint, CommonPrefix, Divergence, TimelineEnd, Timelines, WhatIfError, WhatIfQuery,
    whatif,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit, OrExit},
    output,
    settings::{self, Settings},
    store_access::open_to_read,
};

const EXAMPLES: &str = "\
Examples:
  cantus whatif Account ada --at 3 --drop
  cantus whatif Account ada --at 3 --replace '{\"payload\":{\"amount\":50}}'
  cantus whatif Account ada --at 3 --insert '{\"command\":\"Withdraw\",\"payload\":{\"amount\":50}}'
  cantus whatif Account ada --at 0 --insert '{\"command\":\"OpenAccount\",\"payload\":{\"owner\":\"Ada\"}}'
  cantus whatif Account ada --at wd-17 --drop --commands instead.jsonl
  cantus whatif Account ada --at 3 --drop --plugin bank-2.0.wasm --json | jq .now.state

--at names a command: a number is a stream version, and means the command that produced that
event (all of its events, if they were several); anything else is a command's id. Write id:7
for a command whose id is a number.
  --drop     the command never happened
  --replace  another one in its place; what the JSON leaves out stays as it was recorded
  --insert   the command happened, and one more right after it;
             --at 0 is the place before the first command
The JSON is a line of `cantus run` (see `cantus run --help`). Its aggregate may be left out, and
its id: that is then what-if-1, what-if-2 and so on. The lines of --commands are decided right
after it, or in place of the command that is dropped.

Up to there all is as it was recorded. From there on every recorded command of the aggregate is
decided again, on what the new timeline has come to: by the component that decided it then, or
all by that of --plugin. What was never recorded is decided by the component of the branch
point, at its time. Other aggregates do not take part.

Each line is marked: = unchanged, ~ changed, + only now, - only before. A command that is refused
or faults leaves no trace, and the rest goes on without it.

It needs memory for the commands that it shows and for 64 MiB of the aggregate's events. In a
longer stream, what follows a fault or another component's first command is not reached.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The aggregate type
    aggregate: String,
    /// The aggregate's id
    id: String,
    /// Where the timelines part: the command that produced this version, or the one of this id
    #[arg(long, value_name = "VERSION|COMMAND-ID", value_parser = parse_at)]
    at: BranchPoint,
    #[command(flatten)]
    change: ask::ChangeArgs,
    /// Decide these as well, right after the change: JSON lines as of `cantus run`
    #[arg(long, value_name = "FILE|-")]
    commands: Option<PathBuf>,
    /// Let this component decide everything from there on
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Show at most this many commands; the others are counted
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: usize,
    #[command(flatten)]
    store: StoreArg,
}

/// Asks, and prints both timelines.
///
/// # Errors
/// If there is no such command, what is asked makes no sense, or the store or a component cannot be used.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let store = open_to_read(&settings).await?;
    let aggregate = AggregateRef::new(args.aggregate, args.id);
    let plugin = args.plugin.map(|path| plugin(&settings, &aggregate, &path)).transpose()?;
    let branch = Branch::find(&*store, aggregate, &args.at).await?;
    let keep = args.change.insert.is_some();
    if branch.command.is_none() && !keep {
        let why = "version 0 is the place before the first command: only --insert makes sense there";
        return Err(CliError::new(Exit::Usage, why));
    }
    let commands = ask::commands(&args.change, args.commands.as_deref(), &branch, settings.line_bytes).await?;
    let question = text::Question::new(&args.at, &branch, keep, &commands, plugin.as_deref());
    let query = WhatIfQuery {
        branch,
        retain_branch_command: keep,
        commands,
        plugin: plugin.clone(),
        finder: stored_finder(&settings.host)?,
        events_per_command: settings.host.engine.events_per_command,
        payload_bytes: settings.host.engine.payload_bytes,
        limit: args.limit,
    };
    let found = whatif(&*store, &*store, query).await?;
    let mut records = store.components().await.or_exit(Exit::Store)?;
    records.extend(plugin.map(|plugin| record(&*plugin)));
    match global.json {
        true => output::print_json(&Json::new(&found, &records))?,
        false => output::print(&text::text(&question, &found, &records))?,
    }
    Ok(Exit::Ok)
}

/// The component of `--plugin`.
fn plugin(settings: &Settings, aggregate: &AggregateRef, path: &Path) -> Result<Arc<dyn Component>, CliError> {
    let component = load_file(&settings.host, path)?.component;
    match component.manifest().aggregate(&aggregate.aggregate_type) {
        Some(_) => Ok(component),
        None => {
            let (name, kind) = (name_of(&*component), &aggregate.aggregate_type);
            Err(CliError::new(Exit::Plugin, format!("{name} does not host the aggregate {kind}")))
        }
    }
}

fn record(component: &dyn Component) -> ComponentRecord {
    let (digest, manifest) = (component.digest(), component.manifest().clone());
    ComponentRecord { digest, manifest, first_seen: Timestamp::default() }
}

fn parse_at(text: &str) -> Result<BranchPoint, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.strip_prefix("id:").unwrap_or(text) {
        "" => Err("write a stream version, or the id of a command".to_owned()),
        number if is_number => {
            number.parse().map(BranchPoint::Version).map_err(|_| "no stream has so many events".to_owned())
        }
        id => Ok(BranchPoint::Command(id.to_owned())),
    }
}

impl From<BranchError> for CliError {
    fn from(error: BranchError) -> Self {
        match &error {
            BranchError::Store(_) => Self { exit: Exit::Store, error: error.into() },
            BranchError::NoVersion { .. } => {
                Self::new(Exit::Some, format!("{error}; a command whose id is a number is named by --at id:N"))
            }
            _ => Self { exit: Exit::Some, error: error.into() },
        }
    }
}

impl From<WhatIfError> for CliError {
    fn from(error: WhatIfError) -> Self {
        match &error {
            WhatIfError::Store(_) => Self { exit: Exit::Store, error: error.into() },
            WhatIfError::NoAggregate(_) => Self { exit: Exit::Some, error: error.into() },
            WhatIfError::IdTaken(_) => Self { exit: Exit::Usage, error: error.into() },
            WhatIfError::NoComponent(_) | WhatIfError::Refused(_) => {
                let advice =
                    "name the data folder that has it (--set data=DIR), or let another one decide with --plugin FILE";
                Self::new(Exit::Plugin, format!("{error}; {advice}"))
            }
        }
    }
}

/// The answer for programs.
#[derive(Serialize)]
struct Json<'a> {
    aggregate: &'a str,
    aggregate_id: &'a str,
    shared: &'a CommonPrefix,
    #[serde(flatten)]
    parted: &'a Divergence,
    before: JsonEnd<'a>,
    now: JsonEnd<'a>,
}

#[derive(Serialize)]
struct JsonEnd<'a> {
    version: u64,
    component: Digest,
    plugin: Option<&'a str>,
    plugin_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> Json<'a> {
    fn new(found: &'a Timelines, records: &'a [ComponentRecord]) -> Self {
        let end = |end: &'a TimelineEnd| {
            let manifest = records.iter().find(|record| record.digest == end.component).map(|record| &record.manifest);
            JsonEnd {
                version: end.version,
                component: end.component,
                plugin: manifest.map(|manifest| &*manifest.name),
                plugin_version: manifest.map(|manifest| manifest.version.to_string()),
                state: end.state.as_ref().ok().map(|state| payload_json(state)),
                error: end.state.as_ref().err().map(|why| &**why),
            }
        };
        Self {
            aggregate: &found.aggregate.aggregate_type,
            aggregate_id: &found.aggregate.id,
            shared: &found.common_prefix,
            parted: &found.divergence,
            before: end(&found.before),
            now: end(&found.now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_version_and_anything_else_an_id() {
        assert_eq!(parse_at("12"), Ok(BranchPoint::Version(12)));
        for (text, id) in
            [("id:12", "12"), ("w-1", "w-1"), ("-1", "-1"), ("+1", "+1"), ("1e3", "1e3"), ("id:id:1", "id:1")]
        {
            assert_eq!(parse_at(text), Ok(BranchPoint::Command(id.to_owned())), "{text}");
        }
        assert!(parse_at("").is_err() && parse_at("id:").is_err());
        assert!(parse_at("99999999999999999999").is_err());
    }
}
