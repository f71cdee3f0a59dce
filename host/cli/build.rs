//! Compiles the examples that `cantus bench` runs, so that the binary measures a machine that has no compiler.
#![allow(clippy::expect_used)]

#[path = "../../examples/build_guest.rs"]
mod build_guest;

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (variable, folder, lib) in [
        ("CANTUS_BANK_WASM", "examples/bank", "bank"),
        ("CANTUS_FLIGHTS_WASM", "examples/flights", "flights"),
        ("CANTUS_FLIGHTS_1_1_WASM", "examples/flights/releases/1.1", "flights_1_1"),
    ] {
        println!("cargo::rustc-env={variable}={}", build_guest::build(&root.join(folder), lib).display());
    }
    build_guest::watch(&["examples", "guest-sdk", "wit"].map(|path| root.join(path)));
}
