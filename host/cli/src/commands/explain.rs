//! `cantus explain`: shows a recorded command with its context, its component, the states and the outcome. It only reads.

use std::fmt::Write as _;

use cantus_host::{
    Explanation, Queries,
    components::recorded_component_label,
    wire::{ExplanationJson, time_text},
};
use cantus_model::{CommandRecord, Outcome, Rejection};

use super::events;
use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit},
    output,
    render::{self, PayloadLength, escaped, message},
    settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus explain 0198f0c2-6a3e-7b60-9d1a-5d3f0c5a1e11
  cantus explain wd-17 --json | jq .state_before

`cantus events --json` prints the ids of commands. The states before and after the command are
folded by the component that decided it, which is read from the component store. `cantus whatif`
shows the result of another command in its place. A payload of more than 4,096 bytes is cut, and
a note counts the bytes that are left out. --full and --json show the whole payload.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The id of the command
    command_id: String,
    /// Show every payload completely
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    store: StoreArg,
}

/// Prints the explanation.
///
/// # Errors
/// If there is no such command, or the store cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let Some(explanation) = Queries::open(&settings.host).await?.explain(&args.command_id).await? else {
        let id = &args.command_id;
        return Err(CliError::new(Exit::Partial, format!("no command {id:?} is recorded in {}", settings.host.store)));
    };
    match global.json {
        true => output::print_json(&ExplanationJson::from(&explanation))?,
        false => output::print(&explanation_text(&explanation, PayloadLength::from_flag(args.full)))?,
    }
    Ok(Exit::Ok)
}

/// Renders the explanation.
fn explanation_text(explanation: &Explanation, length: PayloadLength) -> String {
    let CommandRecord { aggregate, command, context, .. } = &explanation.record;
    let version = if command.version == 1 { String::new() } else { format!(" v{}", command.version) };
    let title = escaped(format_args!("{} {}{version} for {aggregate}", context.command_id, command.name));
    let mut text = format!("{title}\n{}\n\n", render::payload_of(&command.payload, length));
    for (name, value) in context_rows(explanation) {
        let value = if length == PayloadLength::Full { escaped(value) } else { message(value) };
        let _ = writeln!(text, "{name:16}{value}");
    }
    text.push('\n');
    let [before, after] = [explanation.record.base_version, explanation.record.version()];
    let state = |index: usize| match &explanation.states {
        Ok(states) => render::payload_pretty(&states[index]),
        Err(why) => format!("unknown: {}", message(why)),
    };
    let _ = writeln!(text, "the state before, at version {before}\n{}\n", state(0));
    let _ = writeln!(text, "{}", outcome_text(&explanation.record.outcome, length));
    if !explanation.events.is_empty() {
        let events = events::table_text(&explanation.events, length);
        let _ = write!(text, "{events}\nthe state after, at version {after}\n{}\n", state(1));
    }
    text
}

/// Lists the context of the command, and the component that decided it.
fn context_rows(explanation: &Explanation) -> Vec<(&'static str, String)> {
    let context = &explanation.record.context;
    let mut rows = vec![
        ("at", time_text(context.now)),
        ("seed", context.seed.to_string()),
        ("correlation id", context.correlation_id.clone()),
    ];
    rows.extend(context.causation_id.clone().map(|id| ("causation id", id)));
    rows.extend(context.actor.clone().map(|actor| ("actor", actor)));
    rows.extend(context.metadata.iter().map(|(key, value)| ("metadata", format!("{key} = {value}"))));
    let component = recorded_component_label(explanation.component.as_slice(), explanation.record.component);
    rows.extend([("decided by", component), ("component", explanation.record.component.to_string())]);
    rows
}

fn outcome_text(outcome: &Outcome, length: PayloadLength) -> String {
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
