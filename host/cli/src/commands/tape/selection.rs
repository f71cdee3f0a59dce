//! The selection of streams: all, some by name, or a sample.

use cantus_model::{AggregateRef, HistoryQuery, StreamSample};

use crate::exit_codes::{CliError, Exit};

const MILLION: u32 = 1_000_000;

/// The arguments of a selection.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::commands) struct SelectionArgs {
    /// Select the aggregates of this type, which may be repeated, or this one aggregate
    #[arg(long, value_name = "TYPE[/ID]")]
    aggregate: Vec<String>,
    /// Select this share of the streams, by a hash of their names
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    sample: Option<u32>,
    /// The seed of --sample; another seed selects other streams
    #[arg(long, value_name = "N", requires = "sample", default_value_t = 0)]
    seed: u64,
}

impl SelectionArgs {
    /// Builds the query.
    ///
    /// # Errors
    /// If one aggregate is selected together with others.
    pub(in crate::commands) fn query(&self) -> Result<HistoryQuery, CliError> {
        let sample = self.sample.map(|per_million| StreamSample { seed: self.seed, per_million });
        let all = HistoryQuery { sample, ..HistoryQuery::default() };
        let named: Vec<_> = self.aggregate.iter().map(|name| name.split_once('/').ok_or(name)).collect();
        match named.as_slice() {
            [Ok((kind, id))] => Ok(HistoryQuery { aggregate: Some(AggregateRef::new(*kind, *id)), ..all }),
            _ if named.iter().any(Result::is_ok) => Err(CliError::new(
                Exit::Usage,
                "--aggregate TYPE/ID selects one stream, so it cannot be combined with another --aggregate",
            )),
            _ => Ok(HistoryQuery { aggregate_types: self.aggregate.clone(), ..all }),
        }
    }
}

/// Describes the selection of a query.
pub(in crate::commands) fn selection_text(query: &HistoryQuery) -> String {
    let streams = match (&query.aggregate, query.aggregate_types.as_slice()) {
        (Some(aggregate), _) => format!("the stream of {aggregate}"),
        (None, []) => "all streams".to_owned(),
        (None, types) => format!("all streams of {}", types.join(", ")),
    };
    match query.sample {
        None => streams,
        Some(StreamSample { seed, per_million }) => {
            format!("{}% of {streams}, with the seed {seed}", percent(per_million))
        }
    }
}

fn percent(per_million: u32) -> f64 {
    f64::from(per_million) * 100.0 / f64::from(MILLION)
}

fn parse_percent(text: &str) -> Result<u32, String> {
    let percent: f64 =
        text.trim_end_matches('%').parse().map_err(|_| "write a percentage, for example 5 or 0.1".to_owned())?;
    let per_million = (percent / 100.0 * f64::from(MILLION)).round();
    match (1.0..=f64::from(MILLION)).contains(&per_million) {
        true => Ok(per_million as u32),
        false => Err("it must be between 0.0001 and 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn selection(aggregate: &[&str], sample: Option<&str>) -> SelectionArgs {
        let sample = sample.map(|sample| parse_percent(sample).unwrap());
        SelectionArgs { aggregate: aggregate.iter().map(ToString::to_string).collect(), sample, seed: 7 }
    }

    #[test]
    fn a_selection_is_described() {
        for (aggregate, sample, expected) in [
            (&[][..], None, "all streams"),
            (&["Flight", "Aircraft"], None, "all streams of Flight, Aircraft"),
            (&["Flight/2013-01-01/x"], None, "the stream of Flight/2013-01-01/x"),
            (&[], Some("0.25%"), "0.25% of all streams, with the seed 7"),
            (&["Flight"], Some("100"), "100% of all streams of Flight, with the seed 7"),
        ] {
            assert_eq!(selection_text(&selection(aggregate, sample).query().unwrap()), expected);
        }
    }

    #[test]
    fn one_stream_cannot_be_combined_with_others() {
        assert!(selection(&["Flight/1", "Aircraft"], None).query().is_err());
        assert!(selection(&["Flight/1", "Flight/2"], None).query().is_err());
    }

    #[test]
    fn a_percentage_is_parsed() {
        assert_eq!(["5", "12.5%", "0.0001", "100"].map(parse_percent), [50_000, 125_000, 1, MILLION].map(Ok));
        for share in ["0", "-1", "101", "nan", "inf", "few", ""] {
            assert!(parse_percent(share).is_err(), "{share}");
        }
    }
}
