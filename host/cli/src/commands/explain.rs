//! `cantus explain`: one command with everything that its decision rests on, and what came of it. Only reads.

use std::fmt::Write as _;

use cantus_host::{
    Explanation, Queries,
    components::name_in,
    wire::{ExplanationJson, time_text},
};
use cantus_model::{CommandRecord, Outcome, Rejection};

use super::events;
use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit},
    output,
    render::{self, Length, escaped, message},
    settings::{self},
};

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

/// Prints it.
///
/// # Errors
/// If there is no such command, or the store cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let Some(explanation) = Queries::open(&settings.host).await?.explain(&args.command_id).await? else {
        let id = &args.command_id;
        return Err(CliError::new(Exit::Some, format!("no command {id:?} is recorded in {}", settings.host.store)));
    };
    match global.json {
        true => output::print_json(&ExplanationJson::from(&explanation))?,
        false => output::print(&text(&explanation, Length::of(args.full)))?,
    }
    Ok(Exit::Ok)
}

/// The explanation for people.
fn text(explanation: &Explanation, length: Length) -> String {
    let CommandRecord { aggregate, command, context, .. } = &explanation.record;
    let version = if command.version == 1 { String::new() } else { format!(" v{}", command.version) };
    let what = escaped(format_args!("{} {}{version} for {aggregate}", context.command_id, command.name));
    let mut text = format!("{what}\n{}\n\n", render::payload_of(&command.payload, length));
    for (name, value) in circumstances(explanation) {
        let value = if length == Length::Full { escaped(value) } else { message(value) };
        let _ = writeln!(text, "{name:16}{value}");
    }
    text.push('\n');
    let [before, after] = [explanation.record.base_version, explanation.record.version()];
    let state = |place: usize| match &explanation.states {
        Ok(states) => render::payload_pretty(&states[place]),
        Err(why) => format!("cannot be told: {}", message(why)),
    };
    let _ = writeln!(text, "the state before, at version {before}\n{}\n", state(0));
    let _ = writeln!(text, "{}", outcome(&explanation.record.outcome, length));
    if !explanation.events.is_empty() {
        let events = events::text(&explanation.events, length);
        let _ = write!(text, "{events}\nthe state after, at version {after}\n{}\n", state(1));
    }
    text
}

/// Lists what the decision rests on besides command and state, and who took it.
fn circumstances(explanation: &Explanation) -> Vec<(&'static str, String)> {
    let context = &explanation.record.context;
    let mut rows = vec![
        ("at", time_text(context.now)),
        ("seed", context.seed.to_string()),
        ("correlation id", context.correlation_id.clone()),
    ];
    rows.extend(context.causation_id.clone().map(|id| ("causation id", id)));
    rows.extend(context.actor.clone().map(|actor| ("actor", actor)));
    rows.extend(context.metadata.iter().map(|(key, value)| ("metadata", format!("{key} = {value}"))));
    let who = name_in(explanation.component.as_slice(), explanation.record.component);
    rows.extend([("decided by", who), ("component", explanation.record.component.to_string())]);
    rows
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
