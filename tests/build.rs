//! Compiles the guests that the tests run: the examples, and those of `guests/`.
#![allow(clippy::expect_used)]

#[path = "../examples/build_guest.rs"]
mod build_guest;

use std::path::Path;

const GUESTS: [(&str, &str); 5] = [
    ("COUNTER", "examples/counter"),
    ("BANK", "examples/bank"),
    ("FLIGHTS", "examples/flights"),
    ("HOSTILE", "tests/guests/hostile"),
    ("ROGUE", "tests/guests/rogue"),
];
const SHARED: [&str; 6] = [
    "examples/Cargo.toml",
    "examples/Cargo.lock",
    "tests/guests/Cargo.toml",
    "tests/guests/Cargo.lock",
    "guest-sdk",
    "wit",
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (name, folder) in GUESTS {
        let component = build_guest::build(&root.join(folder));
        println!("cargo::rustc-env=CANTUS_GUEST_{name}={}", component.display());
    }
    let sources = GUESTS.iter().flat_map(|(_, folder)| [format!("{folder}/src"), format!("{folder}/Cargo.toml")]);
    build_guest::watch(
        &SHARED.map(String::from).into_iter().chain(sources).map(|path| root.join(path)).collect::<Vec<_>>(),
    );
}
