//! The bureau's clock: local times written as HHMM without a colon and without a date.
//!
//! Such a time names a date only together with the schedule: a flight of 23:50 that leaves at `17` left on the next day.
//! All arithmetic here is on civil times, so it knows no time zones. The bureau counts its delays the same way.

use std::{fmt, time::Duration};

use cantus_sdk::prelude::*;
use jiff::{SignedDuration, civil};

/// A local time as reported: `517` is 05:17, and `2400` is the midnight that ends a day, which is `0` as well.
///
/// Any number decodes. Whether it is a time is for the domain to say, in [`Clock::time`].
#[value]
#[derive(Copy)]
pub struct Clock(pub u16);

impl Clock {
    /// The time of day, or `None` if no clock shows this: `1275`, `2401`.
    pub fn time(self) -> Option<civil::Time> {
        let (hour, minute) = (self.0 / 100, self.0 % 100);
        let hour = if (hour, minute) == (24, 0) { 0 } else { hour };
        civil::Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
    }

    /// The moment of `date` that this means: `2400` is the midnight at its end.
    pub fn on(self, date: civil::Date) -> Option<civil::DateTime> {
        let date = if self.0 == 2400 { date.tomorrow().ok()? } else { date };
        Some(date.to_datetime(self.time()?))
    }

    /// The first moment from `earliest` on at which a clock shows this: the same day, or the day after.
    pub fn first_from(self, earliest: civil::DateTime) -> Option<civil::DateTime> {
        let time = self.time()?;
        let date = if time >= earliest.time() { earliest.date() } else { earliest.date().tomorrow().ok()? };
        Some(date.to_datetime(time))
    }

    /// Does a clock show this at `moment`?
    pub fn shows(self, moment: civil::DateTime) -> bool {
        self.time() == Some(moment.time())
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// `minutes` after a local moment, or before it if negative. `None` beyond the calendar.
pub fn local_after(moment: civil::DateTime, minutes: i32) -> Option<civil::DateTime> {
    moment.checked_add(SignedDuration::from_mins(minutes.into())).ok()
}

/// Whole minutes from one local moment to a later one.
pub fn minutes_between(from: civil::DateTime, to: civil::DateTime) -> i32 {
    i32::try_from(to.duration_since(from).as_mins()).unwrap_or(i32::MAX)
}

/// `minutes` after an instant, or before it if negative. `None` beyond the calendar.
pub fn after(instant: Timestamp, minutes: i64) -> Option<Timestamp> {
    let distance = Duration::from_secs(minutes.unsigned_abs().checked_mul(60)?);
    let moved = if minutes < 0 { instant.checked_sub(distance) } else { instant.checked_add(distance) };
    moved.filter(|moved| *moved < CALENDAR_END)
}

/// The first instant of the year 10000, which no calendar here can write.
const CALENDAR_END: Timestamp = Timestamp::from_micros(253_402_300_800_000_000);

/// Returns the minutes by which a local moment is behind an instant. `None` if it is not a whole number of minutes.
pub fn minutes_behind(local: civil::DateTime, instant: Timestamp) -> Option<i64> {
    const MINUTE: i128 = 60_000_000;
    let as_if_utc = jiff::tz::Offset::UTC.to_timestamp(local).ok()?.as_microsecond();
    let behind = i128::from(instant.as_micros()) - i128::from(as_if_utc);
    (behind % MINUTE == 0).then(|| i64::try_from(behind / MINUTE).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn a_clock_is_hours_and_minutes() {
        assert_eq!(Clock(517).time(), Some(time(5, 17, 0, 0)));
        assert_eq!(Clock(2400).time(), Some(time(0, 0, 0, 0)));
        assert_eq!(Clock(0).time(), Some(time(0, 0, 0, 0)));
    }

    #[test]
    fn no_clock_shows_these() {
        for wrong in [60, 1275, 2401, 2500, u16::MAX] {
            assert_eq!(Clock(wrong).time(), None, "{wrong}");
        }
    }

    #[test]
    fn a_clock_that_shows_less_than_before_means_the_next_day() {
        let evening = date(2013, 1, 31).at(23, 50, 0, 0);
        assert_eq!(Clock(2355).first_from(evening), Some(date(2013, 1, 31).at(23, 55, 0, 0)));
        assert_eq!(Clock(2350).first_from(evening), Some(evening));
        assert_eq!(Clock(17).first_from(evening), Some(date(2013, 2, 1).at(0, 17, 0, 0)));
        assert_eq!(Clock(2400).first_from(evening), Some(date(2013, 2, 1).at(0, 0, 0, 0)));
    }

    #[test]
    fn midnight_ends_a_day_or_begins_it() {
        let day = date(2013, 1, 31);
        assert_eq!(Clock(0).on(day), Some(day.at(0, 0, 0, 0)));
        assert_eq!(Clock(2400).on(day), Some(date(2013, 2, 1).at(0, 0, 0, 0)));
        assert_eq!(Clock(2400).first_from(day.at(0, 0, 0, 0)), Some(day.at(0, 0, 0, 0)));
    }

    #[test]
    fn minutes_cross_midnight_in_both_directions() {
        let evening = date(2013, 1, 31).at(23, 50, 0, 0);
        let morning = date(2013, 2, 1).at(0, 17, 0, 0);
        assert_eq!(local_after(evening, 27), Some(morning));
        assert_eq!(local_after(morning, -27), Some(evening));
        assert_eq!(minutes_between(evening, morning), 27);
    }

    #[test]
    fn the_calendar_ends() {
        assert_eq!(local_after(civil::DateTime::MAX, 1), None);
        assert_eq!(after(Timestamp::UNIX_EPOCH, -1), None);
        assert_eq!(after(Timestamp::UNIX_EPOCH, i64::MAX), None);
        let last_minute: Timestamp = "9999-12-31T23:59:00Z".parse().unwrap();
        assert_eq!(after(last_minute, 1), None);
    }

    #[test]
    fn new_york_is_five_hours_behind_in_winter() {
        let local = date(2013, 1, 1).at(5, 15, 0, 0);
        assert_eq!(minutes_behind(local, "2013-01-01T10:15:00Z".parse().unwrap()), Some(300));
        assert_eq!(minutes_behind(local, "2013-01-01T10:15:01Z".parse().unwrap()), None);
    }
}
