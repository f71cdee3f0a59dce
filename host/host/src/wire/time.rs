//! The text form of times.

use cantus_model::Timestamp;

/// Formats a time as RFC 3339 in UTC with microseconds; a time that no calendar has is formatted as a count of microseconds.
pub fn time_text(time: Timestamp) -> String {
    let known = i64::try_from(time.0).ok().and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    known.map_or_else(|| format!("{} us", time.0), |time| format!("{time:.6}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        assert_eq!(time_text(Timestamp(1_357_035_420_000_001)), "2013-01-01T10:17:00.000001Z");
        assert_eq!(time_text(Timestamp(u64::MAX)), "18446744073709551615 us");
    }
}
