//! The start of a host: the live version decides, also if other files in the folder of plugins are refused.

use std::{fs, process::Command};

use crate::support::{TestFolder, hello, transcript};

const ADD: &str = r#"{"id":"ID","aggregate":"Hello","aggregate_id":"a","command":"Add","payload":{"amount":1}}"#;

fn run(folder: &TestFolder, id: &str, code: i32) -> String {
    folder.write("commands.jsonl", ADD.replace("ID", id));
    let output = folder.cantus("run --commands commands.jsonl");
    assert_eq!(output.status.code(), Some(code), "{}", transcript(&output));
    transcript(&output)
}

/// A truncated component, a folder and a pipe without a writer.
fn put_invalid_files(folder: &TestFolder) {
    let whole = fs::read(hello()).unwrap();
    folder.write("plugins/truncated.wasm", &whole[..whole.len() / 2]);
    fs::create_dir(folder.path("plugins/folder.wasm")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.path("plugins/pipe.wasm")).status().unwrap().success());
}

const REFUSED: [&str; 3] = ["truncated.wasm is refused", "folder.wasm is refused", "pipe.wasm is refused"];

#[test]
fn refused_files_are_reported_and_do_not_stop_a_start() {
    let folder = TestFolder::with_plugin();
    put_invalid_files(&folder);
    for id in ["1", "2"] {
        let text = run(&folder, id, 0);
        assert!(REFUSED.iter().all(|file| text.contains(file)), "{text}");
    }
    // A damaged file in place of the live one is refused as well.
    let whole = fs::read(hello()).unwrap();
    folder.write("plugins/hello.wasm", &whole[..whole.len() / 2]);
    let text = run(&folder, "3", 0);
    assert!(text.contains("hello.wasm is refused") && text.contains("hello 0.1.0 stays live"), "{text}");
    assert!(folder.transcript("plugin list").contains("it is not a regular file"));
}

#[test]
fn a_start_without_a_live_version_lists_the_reasons() {
    let folder = TestFolder::new();
    fs::create_dir(folder.path("plugins")).unwrap();
    put_invalid_files(&folder);
    let text = run(&folder, "1", 3);
    assert!(
        text.contains("every file in the folder of plugins is refused:") && text.contains("plugins/pipe.wasm: "),
        "{text}"
    );
}
