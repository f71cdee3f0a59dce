//! Compiles the bank example, which `cantus bench` runs, so that the binary measures a machine that has no compiler.
#![allow(clippy::expect_used)]

#[path = "../../examples/build_guest.rs"]
mod build_guest;

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bank = build_guest::build(&root.join("examples/bank"), "bank");
    build_guest::watch(&["examples/bank", "examples/Cargo.lock", "guest-sdk", "wit"].map(|path| root.join(path)));
    println!("cargo::rustc-env=CANTUS_BANK_WASM={}", bank.display());
}
