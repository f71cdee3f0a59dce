//! Which streams of a history: all, some by name, or a sample.

use cantus_model::{AggregateRef, HistoryQuery, StreamSample};

use crate::exit_codes::{CliError, Exit};

const MILLION: u32 = 1_000_000;

/// As typed.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::commands) struct Selection {
    /// Only aggregates of this type (may be repeated), or only this one
    #[arg(long, value_name = "TYPE[/ID]")]
    aggregate: Vec<String>,
    /// Only this share of the streams, chosen by their names
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    sample: Option<u32>,
    /// Another number chooses other streams
    #[arg(long, value_name = "N", requires = "sample", default_value_t = 0)]
    seed: u64,
}

impl Selection {
    /// What is asked of the history.
    ///
    /// # Errors
    /// If one aggregate is named among others.
    pub(in crate::commands) fn query(&self) -> Result<HistoryQuery, CliError> {
        let sample = self.sample.map(|per_million| StreamSample { seed: self.seed, per_million });
        let all = HistoryQuery { sample, ..HistoryQuery::default() };
        let named: Vec<_> = self.aggregate.iter().map(|name| name.split_once('/').ok_or(name)).collect();
        match named.as_slice() {
            [Ok((kind, id))] => Ok(HistoryQuery { aggregate: Some(AggregateRef::new(*kind, *id)), ..all }),
            _ if named.iter().any(Result::is_ok) => {
                Err(CliError::new(Exit::Usage, "--aggregate TYPE/ID stands alone: one stream, or whole types"))
            }
            _ => Ok(HistoryQuery { aggregate_types: self.aggregate.clone(), ..all }),
        }
    }
}

/// What a query selects, for people.
pub(in crate::commands) fn text(query: &HistoryQuery) -> String {
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
    let percent: f64 = text.trim_end_matches('%').parse().map_err(|_| "write it as 5, or 0.1".to_owned())?;
    let per_million = (percent / 100.0 * f64::from(MILLION)).round();
    match (1.0..=f64::from(MILLION)).contains(&per_million) {
        true => Ok(per_million as u32),
        false => Err("it lies between 0.0001 and 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn selection(aggregate: &[&str], sample: Option<&str>) -> Selection {
        let sample = sample.map(|sample| parse_percent(sample).unwrap());
        Selection { aggregate: aggregate.iter().map(ToString::to_string).collect(), sample, seed: 7 }
    }

    #[test]
    fn what_is_selected_is_said() {
        for (aggregate, sample, said) in [
            (&[][..], None, "all streams"),
            (&["Flight", "Aircraft"], None, "all streams of Flight, Aircraft"),
            (&["Flight/2013-01-01/x"], None, "the stream of Flight/2013-01-01/x"),
            (&[], Some("0.25%"), "0.25% of all streams, with the seed 7"),
            (&["Flight"], Some("100"), "100% of all streams of Flight, with the seed 7"),
        ] {
            assert_eq!(text(&selection(aggregate, sample).query().unwrap()), said);
        }
    }

    #[test]
    fn one_stream_stands_alone() {
        assert!(selection(&["Flight/1", "Aircraft"], None).query().is_err());
        assert!(selection(&["Flight/1", "Flight/2"], None).query().is_err());
    }

    #[test]
    fn a_share_is_a_share() {
        assert_eq!(["5", "12.5%", "0.0001", "100"].map(parse_percent), [50_000, 125_000, 1, MILLION].map(Ok));
        for share in ["0", "-1", "101", "nan", "inf", "few", ""] {
            assert!(parse_percent(share).is_err(), "{share}");
        }
    }
}
