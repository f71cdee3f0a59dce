//! `cantus state`: an aggregate's state, now or at an earlier version or time. Only reads.

use cantus_host::{Queries, StateAt, components::name_of, wire::StateJson};
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

The state is folded from the recorded events by the component that is live, or was last;
if none ever was, by the plugin that is in the folder.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The aggregate type
    aggregate: String,
    /// The aggregate's id
    id: String,
    /// As it was after this many events
    #[arg(long, value_name = "N", conflicts_with = "at_time")]
    at_version: Option<u64>,
    /// As it was recorded by this time: RFC 3339, or microseconds since 1970
    #[arg(long, value_name = "T", value_parser = parse_time)]
    at_time: Option<Timestamp>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Prints it.
///
/// # Errors
/// If there is no such aggregate, or the store or the plugin cannot be used.
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
            let plugin = name_of(&*state.component);
            output::print(&text(&aggregate, state.version, state.latest_version, &plugin, &state.state))?;
        }
    }
    Ok(Exit::Ok)
}

fn text(aggregate: &AggregateRef, version: u64, latest: u64, plugin: &str, state: &[u8]) -> String {
    let (aggregate, plugin) = (render::escaped(aggregate), render::escaped(plugin));
    let of = if version == latest { String::new() } else { format!(" of {latest}") };
    format!("{aggregate} at version {version}{of}, folded by {plugin}\n{}\n", render::payload_pretty(state))
}

/// Today's seconds and milliseconds since 1970 are below this, today's microseconds above.
const SECONDS_LOOK_LIKE: u64 = 100_000_000_000_000;

/// A time as a person types it.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(micros) = text.parse() {
        return match micros < SECONDS_LOOK_LIKE {
            true => Err("as microseconds it lies in the 1970s: were seconds or milliseconds meant?".to_owned()),
            false => Ok(Timestamp(micros)),
        };
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        "write it as 2013-01-01T10:00:00Z, with a zone or an offset, or as microseconds since 1970".to_owned()
    })?;
    u64::try_from(time.as_microsecond()).map(Timestamp).map_err(|_| "it lies before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_microseconds() {
        assert_eq!(parse_time("2013-01-01T05:17:00-05:00"), Ok(Timestamp(1_357_035_420_000_000)));
        assert_eq!(parse_time("1357035420000000"), Ok(Timestamp(1_357_035_420_000_000)));
        assert!(parse_time("yesterday").is_err_and(|error| error.contains("2013-01-01T10:00:00Z")));
        assert_eq!(parse_time("1969-12-31T23:59:59Z"), Err("it lies before 1970".into()));
    }

    #[test]
    fn an_earlier_version_says_how_many_there_are() {
        let text = text(&AggregateRef::new("Counter", "c-1"), 2, 5, "counter 0.1.0 (abc)", b"{\"value\":2}");
        assert_eq!(text, "Counter/c-1 at version 2 of 5, folded by counter 0.1.0 (abc)\n{\n  \"value\": 2\n}\n");
    }
}
