//! `cantus settings`: values, origins and meanings.

use crate::support::{TestFolder, assert_golden, transcript};

#[test]
fn every_setting_is_listed_with_its_origin() {
    let folder = TestFolder::new();
    folder.write("cantus.toml", "store = 'sqlite:other.db'\n[engine]\nshards = 7\nbatch_commands = 9\n");
    let mut command = folder.command();
    command.env("CANTUS_ENGINE_SHARDS", "8").env("CANTUS_WASM_FUEL_PER_CALL", "1000");
    command.args([
        "settings",
        "--store",
        "sqlite:flag.db",
        "--set",
        "wasm.stack_bytes=65_536",
        "--set",
        "wasm.sandboxes=100",
    ]);
    assert_golden!(transcript(&command.output().unwrap()));
}

#[test]
fn settings_are_available_as_json_lines() {
    let output = TestFolder::new().cantus("settings --json --set in_flight=3");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = rows.iter().find(|row| row["key"] == "in_flight").unwrap();
    assert_eq!((&row["value"], &row["unit"], &row["origin"]), (&3.into(), &"commands".into(), &"--set".into()));
}

#[test]
fn invalid_settings_are_refused() {
    let folder = TestFolder::new();
    folder.write("typo.toml", "[engine]\nshard = 3\n");
    folder.write("broken.toml", "[engine\n");
    let lines = [
        "settings --config typo.toml",
        "settings --config broken.toml",
        "settings --config missing.toml",
        "settings --set in_flight=0",
        "settings --set in_flight=9999999999",
        "settings --set in_flight",
        "settings --set wasm.memory_bytes=much --json",
    ];
    assert_golden!(lines.map(|line| folder.transcript(line)).join("\n"));
}
