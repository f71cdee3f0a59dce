//! Output files, and the files that they never replace.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    process::Command,
};

use crate::support::{TestFolder, transcript};

const COMMAND: &str = r#"{"aggregate":"Hello","aggregate_id":"a","command":"Add","payload":{"amount":1}}"#;

/// Returns a folder whose store has decided a command.
fn decided() -> TestFolder {
    let folder = TestFolder::with_plugin();
    folder.write("commands.jsonl", format!("{COMMAND}\n"));
    folder.write("cantus.toml", "in_flight = 7\n");
    let output = folder.cantus("run --commands commands.jsonl");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    folder
}

/// The commands that write a file, without its name.
const WRITERS: [&str; 3] = ["run --commands commands.jsonl --outcomes", "replay --junit", "tape record"];

#[test]
fn nothing_is_written_over_a_store_a_plugin_or_an_input() {
    let folder = decided();
    fs::hard_link(folder.path("data/cantus.db"), folder.path("hard")).unwrap();
    symlink(folder.path("data/cantus.db"), folder.path("soft")).unwrap();
    fs::copy(folder.path("plugins/hello.wasm"), folder.path("component")).unwrap();
    folder.write("other.db", b"SQLite format 3\0 of something else");
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
            let before = fs::read(folder.path(name)).ok();
            for force in ["", "--force"] {
                let line = format!("{writer} {name} {force}");
                let output = folder.cantus(&line);
                let text = transcript(&output);
                assert_eq!(output.status.code(), Some(2), "{line}\n{text}");
                assert!(fs::read(folder.path(name)).ok() == before, "{line}\n{text}");
            }
        }
    }
    for line in [
        "run --commands commands.jsonl --outcomes commands.jsonl --force",
        "run --commands commands.jsonl --outcomes data/cantus.db-wal --force",
        "run --commands commands.jsonl --store sqlite:new.db --outcomes new.db --force",
        "replay --plugin plugins/hello.wasm --junit plugins/hello.wasm --force",
    ] {
        assert_eq!(folder.cantus(line).status.code(), Some(2), "{line}");
    }
    assert_eq!(folder.read("commands.jsonl"), format!("{COMMAND}\n"));
    fs::remove_file(folder.path("hard")).unwrap();
    assert_eq!(folder.cantus("replay").status.code(), Some(0), "the store is whole");
}

#[test]
fn an_existing_file_is_replaced_if_it_is_an_earlier_output_or_forced() {
    let folder = decided();
    for writer in WRITERS {
        folder.write("it", "somebody's notes");
        let refused = folder.cantus(&format!("{writer} it"));
        let text = transcript(&refused);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        assert!(text.contains("the file exists already; --force replaces it"), "{text}");
        assert_eq!(folder.read("it"), "somebody's notes");
        let forced = folder.cantus(&format!("{writer} it --force"));
        assert_eq!(forced.status.code(), Some(0), "{}", transcript(&forced));
        assert_ne!(fs::read(folder.path("it")).unwrap(), b"somebody's notes");
        let again = folder.cantus(&format!("{writer} it"));
        let expected = if writer == "tape record" { 2 } else { 0 };
        assert_eq!(again.status.code(), Some(expected), "{}", transcript(&again));
    }
    let left = fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with('.')), "a temporary file is left");
}

/// A hard link to an earlier file keeps its content.
#[test]
fn a_file_of_outcomes_is_a_new_file() {
    let folder = decided();
    let run = "run --commands commands.jsonl --outcomes outcomes.jsonl";
    assert_eq!(folder.cantus(run).status.code(), Some(0));
    fs::hard_link(folder.path("outcomes.jsonl"), folder.path("kept.jsonl")).unwrap();
    let kept = folder.read("kept.jsonl");
    assert_eq!(folder.cantus(run).status.code(), Some(0));
    assert_eq!(folder.read("kept.jsonl"), kept);
    assert_ne!(folder.read("outcomes.jsonl"), kept);
    let inode = |name: &str| fs::metadata(folder.path(name)).unwrap().ino();
    assert_ne!(inode("outcomes.jsonl"), inode("kept.jsonl"));
}

#[test]
fn outputs_can_be_written_to_devices_and_pipes() {
    let folder = decided();
    for writer in &WRITERS[..2] {
        for device in ["/dev/null", "/dev/stdout"] {
            let output = folder.cantus(&format!("{writer} {device}"));
            assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
        }
        assert!(Command::new("mkfifo").arg(folder.path("fifo")).status().unwrap().success());
        let reader = Command::new("cat").arg(folder.path("fifo")).stdout(std::process::Stdio::piped()).spawn().unwrap();
        assert_eq!(folder.cantus(&format!("{writer} fifo")).status.code(), Some(0));
        assert!(!reader.wait_with_output().unwrap().stdout.is_empty());
        fs::remove_file(folder.path("fifo")).unwrap();
    }
    assert!(!folder.cantus("run --commands commands.jsonl --outcomes -").stdout.is_empty());
}
