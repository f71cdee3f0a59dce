//! The tape of the repository, replayed with the component as it is built now.

use std::path::Path;

use cantus_tests::guests;

use crate::support::{TestFolder, assert_golden, transcript};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights/tapes/day-2013-01-01.cantus-tape");

fn replay(folder: &TestFolder, component: &str, options: &str) -> std::process::Output {
    let line = format!("replay {DAY} --plugin {component} {options}");
    folder.cantus(&line)
}

#[test]
fn the_recorded_day_is_decided_identically() {
    let output = replay(&TestFolder::new(), guests::FLIGHTS, "--json");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["commands"], &report["identical"]), (&4_204.into(), &4_204.into()), "{report:#}");
    assert_eq!((&report["streams"], &report["events"]), (&1_489.into(), &4_812.into()), "{report:#}");
}

/// The README of the example lists the same differences of release 1.1.0.
#[test]
fn the_next_release_has_the_documented_differences() {
    let output = replay(&TestFolder::new(), guests::FLIGHTS_1_1, "");
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    assert_golden!(String::from_utf8(output.stdout).unwrap());
}

/// The release traps while it folds the last events of six streams, so no later decision shows it.
#[test]
fn a_release_that_cannot_fold_is_found() {
    let output = replay(&TestFolder::new(), guests::FLIGHTS_1_2, "--json");
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let groups = report["groups"].as_array().unwrap().iter();
    let faults: Vec<_> = groups.filter(|group| group["change"] == "fault").collect();
    assert_eq!(faults.len(), 1, "{report:#}");
    assert_eq!((&faults[0]["command"], &faults[0]["count"]), (&"Arrive v1".into(), &6.into()), "{report:#}");
}

#[test]
fn a_waiver_lets_the_next_release_pass() {
    let folder = TestFolder::new();
    let allowances = [
        ("Flight.Depart", "events-differ", "ten minutes are late now"),
        ("Flight.Arrive", "events-differ", "ten minutes are late now"),
        ("Flight.Depart", "accepted-to-rejected", "after three hours a flight is scheduled anew"),
    ];
    let allow = allowances.map(|(command, change, reason)| {
        format!("[[allow]]\ncommand = '{command}'\nchange = '{change}'\nreason = '{reason}'\n")
    });
    let waiver = |allow: &[String]| format!("plugin = 'flights'\nfrom = '1.0.0'\nto = '1.1.0'\n{}", allow.concat());
    folder.write("waiver.toml", waiver(&allow));
    let output = replay(&folder, guests::FLIGHTS_1_1, "--waiver waiver.toml --junit report.xml");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    assert!(!folder.read("report.xml").contains("<failure"), "{}", folder.read("report.xml"));

    folder.write("waiver.toml", waiver(&allow[..2]));
    let output = replay(&folder, guests::FLIGHTS_1_1, "--waiver waiver.toml --junit report.xml");
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    assert_eq!(folder.read("report.xml").matches("<failure").count(), 1, "{}", folder.read("report.xml"));
}

#[test]
fn the_tape_has_the_checksum_of_its_readme() {
    let folder = Path::new(DAY).parent().unwrap();
    let output = TestFolder::new().cantus(&format!("tape show {DAY} --json"));
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let about: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let checksum = about["checksum"].as_str().unwrap();
    assert!(readme.contains(checksum), "the README describes another tape than {checksum}");
    assert_eq!(about["components"][0]["plugin"], "flights");
    assert_eq!(about["components"][0]["bytes"], serde_json::Value::Null);
}
