//! `cantus state`: shows the state of an aggregate, now or at an earlier version or time. It only reads.

use cantus_host::{Queries, StateAt, components::component_label, wire::StateJson};
use cantus_model::{AggregateRef, Timestamp};

use crate::{
    args::{GlobalArgs, PluginsArg, StoreArg},
    exit_codes::{CliError, Exit},
    output, render, settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus state Counter c-1
  cantus state Counter c-1 --at-version 3
  cantus state Counter c-1 --at-time 2026-11-22T10:00:00Z
  cantus state Counter c-1 --json | jq .state

The state is folded from the recorded events by the component that is live for the aggregate type.
If none is live, the last one that was live is used, or else a file in the folder of plugins.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The aggregate type
    aggregate: String,
    /// The id of the aggregate
    id: String,
    /// Show the state after this many events
    #[arg(long, value_name = "N", conflicts_with = "at_time")]
    at_version: Option<u64>,
    /// Show the state at this time: RFC 3339, or microseconds since 1970
    #[arg(long, value_name = "T", value_parser = parse_time)]
    at_time: Option<Timestamp>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Prints the state.
///
/// # Errors
/// If the aggregate has no events, or the store or the component cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let aggregate = AggregateRef::new(args.aggregate, args.id);
    let at = match (args.at_version, args.at_time) {
        (Some(version), _) => StateAt::Version(version),
        (None, Some(time)) => StateAt::Time(time),
        (None, None) => StateAt::Latest,
    };
    let state = Queries::open(&settings.host).await?.state(&aggregate, at).await?;
    match global.json {
        true => output::print_json(&StateJson::from(&state))?,
        false => {
            let plugin = component_label(&*state.component);
            output::print(&state_text(&aggregate, state.version, state.latest_version, &plugin, &state.state))?;
        }
    }
    Ok(Exit::Ok)
}

fn state_text(aggregate: &AggregateRef, version: u64, latest: u64, plugin: &str, state: &[u8]) -> String {
    let (aggregate, plugin) = (render::escaped(aggregate), render::escaped(plugin));
    let of = if version == latest { String::new() } else { format!(" of {latest}") };
    format!("{aggregate} at version {version}{of}, folded by {plugin}\n{}\n", render::payload_pretty(state))
}

/// Current times are below this number in seconds and milliseconds since 1970, and above it in microseconds.
const MIN_MICROSECONDS: u64 = 100_000_000_000_000;

/// Parses a time that a person typed.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(micros) = text.parse() {
        return match micros < MIN_MICROSECONDS {
            true => {
                Err("this number of microseconds is in the 1970s: did you write seconds or milliseconds?".to_owned())
            }
            false => Ok(Timestamp(micros)),
        };
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        "write it as 2013-01-01T10:00:00Z, with a zone or an offset, or as microseconds since 1970".to_owned()
    })?;
    u64::try_from(time.as_microsecond()).map(Timestamp).map_err(|_| "the time is before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_microseconds() {
        assert_eq!(parse_time("2013-01-01T05:17:00-05:00"), Ok(Timestamp(1_357_035_420_000_000)));
        assert_eq!(parse_time("1357035420000000"), Ok(Timestamp(1_357_035_420_000_000)));
        assert!(parse_time("yesterday").is_err_and(|error| error.contains("2013-01-01T10:00:00Z")));
        assert_eq!(parse_time("1969-12-31T23:59:59Z"), Err("the time is before 1970".into()));
    }

    #[test]
    fn an_earlier_version_says_how_many_there_are() {
        let text = state_text(&AggregateRef::new("Counter", "c-1"), 2, 5, "counter 0.1.0 (abc)", b"{\"value\":2}");
        assert_eq!(text, "Counter/c-1 at version 2 of 5, folded by counter 0.1.0 (abc)\n{\n  \"value\": 2\n}\n");
    }
}
