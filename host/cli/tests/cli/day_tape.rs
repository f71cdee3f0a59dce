//! The tape that the repository keeps, replayed as a pull request would: with the component as it is built now.

use std::path::Path;

use cantus_tests::guests;

use crate::support::{Place, assert_golden, transcript};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights/tapes/day-2013-01-01.cantus-tape");

fn replay(place: &Place, component: &str, options: &str) -> std::process::Output {
    let line = format!("replay {DAY} --plugin {component} {options}");
    place.cantus(&line)
}

#[test]
fn the_day_is_decided_as_it_was() {
    let output = replay(&Place::new(), guests::FLIGHTS, "--json");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["commands"], &report["identical"]), (&4_204.into(), &4_204.into()), "{report:#}");
    assert_eq!((&report["streams"], &report["events"]), (&1_489.into(), &4_812.into()), "{report:#}");
}

/// What the example's README says of 1.1.0, command by command.
#[test]
fn the_next_release_differs_in_what_it_says() {
    let output = replay(&Place::new(), guests::FLIGHTS_1_1, "");
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    assert_golden!(String::from_utf8(output.stdout).unwrap());
}

/// It traps on what it folds, at the end of six streams: no later decision would show it.
#[test]
fn a_release_that_cannot_fold_is_found() {
    let output = replay(&Place::new(), guests::FLIGHTS_1_2, "--json");
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let groups = report["groups"].as_array().unwrap().iter();
    let faults: Vec<_> = groups.filter(|group| group["change"] == "fault").collect();
    assert_eq!(faults.len(), 1, "{report:#}");
    assert_eq!((&faults[0]["command"], &faults[0]["count"]), (&"Arrive v1".into(), &6.into()), "{report:#}");
}

#[test]
fn a_waiver_lets_the_next_release_pass() {
    let place = Place::new();
    let allowances = [
        ("Flight.Depart", "events-differ", "ten minutes are late now"),
        ("Flight.Arrive", "events-differ", "ten minutes are late now"),
        ("Flight.Depart", "accepted-to-rejected", "after three hours a flight is scheduled anew"),
    ];
    let allow = allowances.map(|(command, change, reason)| {
        format!("[[allow]]\ncommand = '{command}'\nchange = '{change}'\nreason = '{reason}'\n")
    });
    let waiver = |allow: &[String]| format!("plugin = 'flights'\nfrom = '1.0.0'\nto = '1.1.0'\n{}", allow.concat());
    place.write("waiver.toml", waiver(&allow));
    let output = replay(&place, guests::FLIGHTS_1_1, "--waiver waiver.toml --junit report.xml");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    assert!(!place.read("report.xml").contains("<failure"), "{}", place.read("report.xml"));

    place.write("waiver.toml", waiver(&allow[..2]));
    let output = replay(&place, guests::FLIGHTS_1_1, "--waiver waiver.toml --junit report.xml");
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    assert_eq!(place.read("report.xml").matches("<failure").count(), 1, "{}", place.read("report.xml"));
}

#[test]
fn the_tape_says_how_it_was_made() {
    let folder = Path::new(DAY).parent().unwrap();
    let output = Place::new().cantus(&format!("tape show {DAY} --json"));
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let about: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let checksum = about["checksum"].as_str().unwrap();
    assert!(readme.contains(checksum), "the README tells of another tape than {checksum}");
    assert_eq!(about["components"][0]["plugin"], "flights");
    assert_eq!(about["components"][0]["bytes"], serde_json::Value::Null);
}
