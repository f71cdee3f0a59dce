//! Compiles the guests that the tests run: the examples, and those of `guests/`.
#![allow(clippy::expect_used)]

#[path = "../examples/build_guest.rs"]
mod build_guest;

use std::path::Path;

/// Each library in capitals, and the folder of its package.
const GUESTS: [(&str, &str); 9] = [
    ("COUNTER", "examples/counter"),
    ("BANK", "examples/bank"),
    ("FLIGHTS", "examples/flights"),
    ("FLIGHTS_1_1", "examples/flights/releases/1.1"),
    ("FLIGHTS_1_2", "examples/flights/releases/1.2"),
    ("HOSTILE", "tests/guests/hostile"),
    ("MOODY", "tests/guests/moody"),
    ("ROGUE", "tests/guests/rogue"),
    ("SHIFTY", "tests/guests/shifty"),
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
        let component = build_guest::build(&root.join(folder), &name.to_lowercase());
        println!("cargo::rustc-env=CANTUS_GUEST_{name}={}", component.display());
    }
    let folders = GUESTS.iter().map(|(_, folder)| root.join(folder));
    let sources = folders.flat_map(|folder| ["src", "Cargo.toml", "Cargo.lock"].map(|path| folder.join(path)));
    let paths = SHARED.iter().map(|path| root.join(path)).chain(sources);
    // Cargo takes a path that is not there for one that changed.
    build_guest::watch(&paths.filter(|path| path.exists()).collect::<Vec<_>>());
}
