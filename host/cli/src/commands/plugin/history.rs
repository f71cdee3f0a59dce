//! `cantus plugin history NAME`: what was live when, who decided so, and what its verification found.

use cantus_engine::registry::ActivationState;
use cantus_host::wire::time_text;
use cantus_model::{Activation, ActivationCause, Digest};
use cantus_replay::verify::VerificationReport;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit, OrExit},
    findings, output, render, settings,
    store_access::open_to_read,
};

const EXAMPLES: &str = "\
Examples:
  cantus plugin history flights
  cantus plugin history flights --report 3      # what the verification before activation 3 found
  cantus plugin history flights --json";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The plugin's name
    name: String,
    /// Show the report that was kept with this activation
    #[arg(long, value_name = "N")]
    report: Option<u64>,
    #[command(flatten)]
    store: StoreArg,
}

/// Prints it.
///
/// # Errors
/// If nothing of that name was ever live, or the store cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let store = open_to_read(&settings).await?;
    let all = store.activations(0).await.or_exit(Exit::Store)?;
    let log = ActivationState::new(store.components().await.or_exit(Exit::Store)?, &all);
    let activations: Vec<&Activation> = all.iter().filter(|activation| activation.plugin == args.name).collect();
    if activations.is_empty() {
        return Err(CliError::new(
            Exit::Some,
            format!("no plugin {} was ever live in {}", args.name, settings.host.store),
        ));
    }
    if let Some(seq) = args.report {
        return report(&activations, seq, global.json);
    }
    if global.json {
        let lines = activations.iter().map(|activation| row(activation, &log));
        return lines.into_iter().try_for_each(|line| output::print_json(&line)).map(|()| Exit::Ok);
    }
    let rows: Vec<_> = activations.iter().map(|activation| cells(activation, &log)).collect();
    output::print(&render::table(&["n", "at", "live", "component", "checked", "cause", "who", "why"], &[0], &rows))?;
    Ok(Exit::Ok)
}

fn version(log: &ActivationState, digest: Option<Digest>) -> Option<String> {
    digest.and_then(|digest| log.component(digest)).map(|(_, version)| version.to_string())
}

/// How much of history was checked before an activation; `None` if it was not verified.
pub(super) fn checked(activation: &Activation) -> Option<String> {
    let report: VerificationReport = serde_json::from_str(activation.report.as_ref()?).ok()?;
    Some(findings::checked(&report))
}

fn cells(activation: &Activation, log: &ActivationState) -> Vec<String> {
    vec![
        activation.seq.to_string(),
        time_text(activation.at),
        version(log, activation.to).unwrap_or_else(|| "none".to_owned()),
        activation.to.map_or_else(|| "-".to_owned(), |digest| digest.short()),
        checked(activation).unwrap_or_else(|| "-".to_owned()),
        activation.cause.to_string(),
        activation.who.clone(),
        render::payload(activation.why.as_bytes()),
    ]
}

/// An activation, for programs.
#[derive(Serialize)]
struct ActivationRow<'a> {
    n: u64,
    at: String,
    plugin: &'a str,
    cause: ActivationCause,
    from: Option<Digest>,
    from_version: Option<String>,
    to: Option<Digest>,
    to_version: Option<String>,
    who: &'a str,
    why: &'a str,
    /// As it was kept, to the letter.
    report: Option<&'a RawValue>,
}

fn row<'a>(activation: &'a Activation, log: &ActivationState) -> ActivationRow<'a> {
    ActivationRow {
        n: activation.seq,
        at: time_text(activation.at),
        plugin: &activation.plugin,
        cause: activation.cause,
        from: activation.from,
        from_version: version(log, activation.from),
        to: activation.to,
        to_version: version(log, activation.to),
        who: &activation.who,
        why: &activation.why,
        report: activation.report.as_ref().and_then(|report| serde_json::from_str(report).ok()),
    }
}

fn report(activations: &[&Activation], seq: u64, as_json: bool) -> Result<Exit, CliError> {
    let activation = activations.iter().find(|activation| activation.seq == seq);
    let text = activation.and_then(|activation| activation.report.as_ref());
    let text = text.ok_or_else(|| CliError::new(Exit::Some, format!("there is no report of an activation {seq}")))?;
    let report: VerificationReport = serde_json::from_str(text).or_exit(Exit::Store)?;
    if as_json {
        output::print_json(&report)?;
    } else {
        output::print(&findings::report(&report))?;
    }
    Ok(Exit::Ok)
}
