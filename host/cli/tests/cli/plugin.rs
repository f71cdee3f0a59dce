//! `cantus plugin`: a new plugin is created, built and inspected.

use std::process::Command;

use crate::support::{GUEST_TARGET, TestFolder, assert_golden, transcript};

#[test]
fn a_new_plugin_passes_its_own_tests() {
    let folder = TestFolder::new();
    let made = folder.cantus("plugin new loyalty-points --path here/points --json");
    assert_eq!(made.status.code(), Some(0), "{}", transcript(&made));
    let mut cargo = Command::new("cargo");
    cargo.arg("test").current_dir(folder.path("here/points")).env("CARGO_TARGET_DIR", GUEST_TARGET);
    let tested = cargo.output().unwrap();
    assert!(tested.status.success(), "{}", transcript(&tested));
    assert!(String::from_utf8_lossy(&tested.stdout).contains("3 passed"), "{}", transcript(&tested));
    assert_eq!(folder.cantus("plugin new loyalty-points --path here/points").status.code(), Some(2));
}

#[test]
fn a_plugin_that_does_not_compile_is_not_installed() {
    let folder = TestFolder::new();
    folder.cantus("plugin new broken");
    folder.write("broken/src/lib.rs", "this is no Rust");
    let output = folder.cantus("plugin build broken");
    assert_eq!(output.status.code(), Some(5), "{}", transcript(&output));
    assert!(!folder.path("plugins").exists());
}

#[test]
fn a_missing_cargo_is_an_error() {
    let folder = TestFolder::new();
    folder.cantus("plugin new hello");
    let output = folder.command().args(["plugin", "build", "hello"]).env("PATH", "").output().unwrap();
    assert_golden!(transcript(&output));
}

#[test]
fn inspect_shows_the_manifest() {
    assert_golden!(TestFolder::with_plugin().transcript("plugin inspect plugins/hello.wasm"));
}

#[test]
fn inspect_prints_schemas_as_json() {
    let output = TestFolder::with_plugin().cantus("plugin inspect plugins/hello.wasm --json");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let command = &value["manifest"]["aggregates"][0]["commands"][0];
    assert_eq!(command["name"], "Add");
    assert_eq!(command["schema"]["properties"]["amount"]["format"], "uint32");
    assert_eq!(command["produces"][0]["name"], "Added");
}
