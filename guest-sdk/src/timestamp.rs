//! Points in time.

use std::{fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

const MICROS: u64 = 1_000_000;
const DAY_SECONDS: u64 = 86_400;
/// The first microsecond of the year 10000, which RFC 3339 cannot write.
const END: u64 = 253_402_300_800 * MICROS;

/// A point in time, UTC, to the microsecond, from 1970 on.
///
/// In JSON it is an RFC 3339 string in one form, `2013-01-01T10:17:00Z`, with six digits of fraction if there is one, so that
/// people can read the log and equal times are equal strings. Reading is strict: UTC as `Z`, upper case, one to six digits
/// of fraction, no leap second, a day that exists.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Midnight of 1970-01-01.
    pub const UNIX_EPOCH: Self = Self(0);

    /// Makes the time that is `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since the Unix epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Returns the duration since `earlier`; zero if this time is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Returns the time `duration` later, or `None` if a `u64` cannot hold it.
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        u64::try_from(duration.as_micros()).ok().and_then(|micros| self.0.checked_add(micros)).map(Self)
    }

    /// Returns the time `duration` earlier, or `None` before 1970.
    pub fn checked_sub(self, duration: Duration) -> Option<Self> {
        u64::try_from(duration.as_micros()).ok().and_then(|micros| self.0.checked_sub(micros)).map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / MICROS, self.0 % MICROS);
        let (year, month, day) = date_of(seconds / DAY_SECONDS);
        let second = seconds % DAY_SECONDS;
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        if micros > 0 {
            write!(f, ".{micros:06}")?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The string is not a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseTimestampError;

impl fmt::Display for ParseTimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a time: write UTC in RFC 3339, from 1970 on, for example 2013-01-01T10:17:00Z or 2013-01-01T10:17:00.000001Z",
        )
    }
}

impl std::error::Error for ParseTimestampError {}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.as_bytes()).map(Self).ok_or(ParseTimestampError)
    }
}

fn parse(text: &[u8]) -> Option<u64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, rest @ ..] = text else {
        return None;
    };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let (month, day) = (number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*n1, *n2])?, number(&[*s1, *s2])?);
    let exists = year >= 1970 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !exists || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_before(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    Some(seconds * MICROS + fraction(rest)?)
}

/// Microseconds of what follows the seconds: `Z` or `.5Z`.
fn fraction(rest: &[u8]) -> Option<u64> {
    match rest {
        b"Z" => Some(0),
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            Some(number(digits)? * 10_u64.pow(6 - digits.len() as u32))
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: u64 = 719_468;
/// Days in 400 years.
const ERA_DAYS: u64 = 146_097;

/// Days from 1970-01-01 to a date. Years are counted from March, so that a leap day is a year's last.
fn days_before(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - EPOCH_DAYS
}

/// The year, month and day `days` days after 1970-01-01.
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH_DAYS;
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 >= END {
            return Err(ser::Error::custom("a time beyond the year 9999 cannot be written in RFC 3339"));
        }
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time, for example 2013-01-01T10:17:00Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(|error| E::custom(format_args!("{text:?}: {error}")))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn text_round_trips() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (1_357_035_420_000_000, "2013-01-01T10:17:00Z"),
            (4_107_542_399_000_001, "2100-02-28T23:59:59.000001Z"),
            (END - 1, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(micros)));
        }
        assert_eq!("2013-01-01T00:00:00.5Z".parse(), Ok(Timestamp(1_356_998_400_500_000)));
    }

    #[test]
    fn every_day_round_trips() {
        for day in 0..END / MICROS / DAY_SECONDS {
            let (year, month, date) = date_of(day);
            assert!((1..=days_in(year, month)).contains(&date));
            assert_eq!(days_before(year, month, date), day);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "2013-01-01",
            "2013-01-01T10:17:00",
            "2013-01-01T10:17:00+00:00",
            "2013-01-01t10:17:00z",
            "2013-01-01 10:17:00Z",
            "2013-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2013-13-01T00:00:00Z",
            "2013-00-01T00:00:00Z",
            "2013-01-00T00:00:00Z",
            "2013-01-01T24:00:00Z",
            "2013-01-01T10:60:00Z",
            "2013-01-01T10:17:60Z",
            "2013-01-01T10:17:00.Z",
            "2013-01-01T10:17:00.1234567Z",
            "2013-01-01T10:17:00.+1Z",
            "1969-12-31T23:59:59Z",
            "+013-01-01T10:17:00Z",
            " 2013-01-01T10:17:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(ParseTimestampError), "{text}");
        }
    }

    #[test]
    fn json_is_the_text() {
        let time = Timestamp(1_357_035_420_000_000);
        assert_eq!(serde_json::to_string(&time).unwrap(), r#""2013-01-01T10:17:00Z""#);
        assert_eq!(serde_json::from_str::<Timestamp>(r#""2013-01-01T10:17:00Z""#).unwrap(), time);
        assert!(serde_json::from_str::<Timestamp>("1357035420").is_err());
        assert!(serde_json::to_string(&Timestamp(END)).is_err());
    }
}
