//! Where outputs go, and what they never replace.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    process::Command,
};

use crate::support::{Place, transcript};

const COMMAND: &str = r#"{"aggregate":"Hello","aggregate_id":"a","command":"Add","payload":{"amount":1}}"#;

/// A folder whose store has decided a command.
fn decided() -> Place {
    let place = Place::with_plugin();
    place.write("commands.jsonl", format!("{COMMAND}\n"));
    place.write("cantus.toml", "in_flight = 7\n");
    let output = place.cantus("run --commands commands.jsonl");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    place
}

/// Each command that writes a file, up to the name of it.
const WRITERS: [&str; 3] = ["run --commands commands.jsonl --outcomes", "replay --junit", "tape record"];

#[test]
fn nothing_is_written_over_a_store_a_plugin_or_an_input() {
    let place = decided();
    fs::hard_link(place.path("data/cantus.db"), place.path("hard")).unwrap();
    symlink(place.path("data/cantus.db"), place.path("soft")).unwrap();
    fs::copy(place.path("plugins/hello.wasm"), place.path("component")).unwrap();
    place.write("other.db", b"SQLite format 3\0 of something else");
    let protected = [
        "data/cantus.db",
        "data/../data/cantus.db",
        "hard",
        "soft",
        "other.db",
        "plugins/hello.wasm",
        "plugins/new",
        "component",
        "cantus.toml",
    ];
    for writer in WRITERS {
        for name in protected {
            let before = fs::read(place.path(name)).ok();
            for force in ["", "--force"] {
                let line = format!("{writer} {name} {force}");
                let output = place.cantus(&line);
                let text = transcript(&output);
                assert_eq!(output.status.code(), Some(2), "{line}\n{text}");
                assert!(fs::read(place.path(name)).ok() == before, "{line}\n{text}");
            }
        }
    }
    for line in [
        "run --commands commands.jsonl --outcomes commands.jsonl --force",
        "run --commands commands.jsonl --outcomes data/cantus.db-wal --force",
        "run --commands commands.jsonl --store sqlite:new.db --outcomes new.db --force",
        "replay --plugin plugins/hello.wasm --junit plugins/hello.wasm --force",
    ] {
        assert_eq!(place.cantus(line).status.code(), Some(2), "{line}");
    }
    assert_eq!(place.read("commands.jsonl"), format!("{COMMAND}\n"));
    fs::remove_file(place.path("hard")).unwrap();
    assert_eq!(place.cantus("replay").status.code(), Some(0), "the store is whole");
}

#[test]
fn what_is_there_is_replaced_if_it_is_an_earlier_output_or_forced() {
    let place = decided();
    for writer in WRITERS {
        place.write("it", "somebody's notes");
        let refused = place.cantus(&format!("{writer} it"));
        let text = transcript(&refused);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        assert!(text.contains("it is there already; --force replaces it"), "{text}");
        assert_eq!(place.read("it"), "somebody's notes");
        let forced = place.cantus(&format!("{writer} it --force"));
        assert_eq!(forced.status.code(), Some(0), "{}", transcript(&forced));
        assert_ne!(fs::read(place.path("it")).unwrap(), b"somebody's notes");
        let again = place.cantus(&format!("{writer} it"));
        let expected = if writer == "tape record" { 2 } else { 0 };
        assert_eq!(again.status.code(), Some(expected), "{}", transcript(&again));
    }
    let left = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with('.')), "something is left aside");
}

/// Another name of an earlier file keeps what was in it.
#[test]
fn a_file_of_outcomes_is_a_fresh_one() {
    let place = decided();
    let run = "run --commands commands.jsonl --outcomes outcomes.jsonl";
    assert_eq!(place.cantus(run).status.code(), Some(0));
    fs::hard_link(place.path("outcomes.jsonl"), place.path("kept.jsonl")).unwrap();
    let kept = place.read("kept.jsonl");
    assert_eq!(place.cantus(run).status.code(), Some(0));
    assert_eq!(place.read("kept.jsonl"), kept);
    assert_ne!(place.read("outcomes.jsonl"), kept);
    let inode = |name: &str| fs::metadata(place.path(name)).unwrap().ino();
    assert_ne!(inode("outcomes.jsonl"), inode("kept.jsonl"));
}

#[test]
fn devices_and_pipes_take_outputs() {
    let place = decided();
    for writer in &WRITERS[..2] {
        for device in ["/dev/null", "/dev/stdout"] {
            let output = place.cantus(&format!("{writer} {device}"));
            assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
        }
        assert!(Command::new("mkfifo").arg(place.path("fifo")).status().unwrap().success());
        let reader = Command::new("cat").arg(place.path("fifo")).stdout(std::process::Stdio::piped()).spawn().unwrap();
        assert_eq!(place.cantus(&format!("{writer} fifo")).status.code(), Some(0));
        assert!(!reader.wait_with_output().unwrap().stdout.is_empty());
        fs::remove_file(place.path("fifo")).unwrap();
    }
    assert!(!place.cantus("run --commands commands.jsonl --outcomes -").stdout.is_empty());
}
