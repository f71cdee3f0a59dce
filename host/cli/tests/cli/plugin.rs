//! `cantus plugin`: a new plugin, built and looked into.

use std::process::Command;

use crate::support::{GUEST_TARGET, Place, assert_golden, transcript};

#[test]
fn a_new_plugin_passes_its_own_tests() {
    let place = Place::new();
    let made = place.cantus("plugin new loyalty-points --path here/points --json");
    assert_eq!(made.status.code(), Some(0), "{}", transcript(&made));
    let mut cargo = Command::new("cargo");
    cargo.arg("test").current_dir(place.path("here/points")).env("CARGO_TARGET_DIR", GUEST_TARGET);
    let tested = cargo.output().unwrap();
    assert!(tested.status.success(), "{}", transcript(&tested));
    assert!(String::from_utf8_lossy(&tested.stdout).contains("3 passed"), "{}", transcript(&tested));
    assert_eq!(place.cantus("plugin new loyalty-points --path here/points").status.code(), Some(2));
}

#[test]
fn a_plugin_that_does_not_compile_is_not_installed() {
    let place = Place::new();
    place.cantus("plugin new broken");
    place.write("broken/src/lib.rs", "this is no Rust");
    let output = place.cantus("plugin build broken");
    assert_eq!(output.status.code(), Some(5), "{}", transcript(&output));
    assert!(!place.path("plugins").exists());
}

#[test]
fn a_machine_without_cargo_is_told_so() {
    let place = Place::new();
    place.cantus("plugin new hello");
    let output = place.command().args(["plugin", "build", "hello"]).env("PATH", "").output().unwrap();
    assert_golden!(transcript(&output));
}

#[test]
fn inspect_shows_what_is_declared() {
    assert_golden!(Place::with_plugin().transcript("plugin inspect plugins/hello.wasm"));
}

#[test]
fn inspect_gives_programs_the_schemas() {
    let output = Place::with_plugin().cantus("plugin inspect plugins/hello.wasm --json");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let command = &value["manifest"]["aggregates"][0]["commands"][0];
    assert_eq!(command["name"], "Add");
    assert_eq!(command["schema"]["properties"]["amount"]["format"], "uint32");
    assert_eq!(command["produces"][0]["name"], "Added");
}
