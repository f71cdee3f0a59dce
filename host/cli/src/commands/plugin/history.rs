//! `cantus plugin history NAME`: lists the activations of a plugin, and shows their verification reports.

use cantus_host::{
    Queries, RecordedActivation, verification_report,
    wire::{ActivationJson, checked_text, time_text},
};

use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit},
    findings,
    output::{self, OutputFormat},
    render, settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus plugin history flights
  cantus plugin history flights --report 3      # the verification report of activation 3
  cantus plugin history flights --json";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The name of the plugin
    name: String,
    /// Show the verification report of this activation
    #[arg(long, value_name = "N")]
    report: Option<u64>,
    #[command(flatten)]
    store: StoreArg,
}

/// Prints the history, or one verification report.
///
/// # Errors
/// If no version of the plugin was ever live, there is no such report, or the store cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let history = Queries::open(&settings.host).await?.plugin_history(&args.name).await?;
    if let Some(seq) = args.report {
        return print_report(&history, seq, global.format());
    }
    if global.json {
        return history.iter().try_for_each(|it| output::print_json(&ActivationJson::from(it))).map(|()| Exit::Ok);
    }
    let rows: Vec<_> = history.iter().map(cells).collect();
    output::print(&render::table(&["n", "at", "live", "component", "checked", "cause", "who", "why"], &[0], &rows))?;
    Ok(Exit::Ok)
}

fn cells(RecordedActivation { activation, version, .. }: &RecordedActivation) -> Vec<String> {
    vec![
        activation.seq.to_string(),
        time_text(activation.at),
        version.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string),
        activation.to.map_or_else(|| "-".to_owned(), |digest| digest.short()),
        checked_text(activation).unwrap_or_else(|| "-".to_owned()),
        activation.cause.to_string(),
        activation.who.clone(),
        render::payload(activation.why.as_bytes()),
    ]
}

fn print_report(history: &[RecordedActivation], seq: u64, format: OutputFormat) -> Result<Exit, CliError> {
    let recorded = history.iter().find(|recorded| recorded.activation.seq == seq);
    let report = recorded.map(|recorded| verification_report(&recorded.activation)).transpose()?.flatten();
    let report = report.ok_or_else(|| {
        CliError::new(Exit::Partial, format!("there is no verification report of an activation {seq} of this plugin"))
    })?;
    match format {
        OutputFormat::Json => output::print_json(&report)?,
        OutputFormat::Text => output::print(&findings::report_text(&report))?,
    }
    Ok(Exit::Ok)
}
