//! A start is as forgiving as a running host: what is live decides, whatever else lies in the folder of plugins.

use std::{fs, process::Command};

use crate::support::{Place, hello, transcript};

const ADD: &str = r#"{"id":"ID","aggregate":"Hello","aggregate_id":"a","command":"Add","payload":{"amount":1}}"#;

fn run(place: &Place, id: &str, code: i32) -> String {
    place.write("commands.jsonl", ADD.replace("ID", id));
    let output = place.cantus("run --commands commands.jsonl");
    assert_eq!(output.status.code(), Some(code), "{}", transcript(&output));
    transcript(&output)
}

/// A truncated component, a folder and a pipe without a writer.
fn put_rubbish(place: &Place) {
    let whole = fs::read(hello()).unwrap();
    place.write("plugins/truncated.wasm", &whole[..whole.len() / 2]);
    fs::create_dir(place.path("plugins/folder.wasm")).unwrap();
    assert!(Command::new("mkfifo").arg(place.path("plugins/pipe.wasm")).status().unwrap().success());
}

const RUBBISH: [&str; 3] = ["truncated.wasm is refused", "folder.wasm is refused", "pipe.wasm is refused"];

#[test]
fn bad_files_beside_the_live_one_are_reported_and_do_not_stop_a_start() {
    let place = Place::with_plugin();
    put_rubbish(&place);
    for id in ["1", "2"] {
        let told = run(&place, id, 0);
        assert!(RUBBISH.iter().all(|file| told.contains(file)), "{told}");
    }
    // In the place of the live one as well.
    let whole = fs::read(hello()).unwrap();
    place.write("plugins/hello.wasm", &whole[..whole.len() / 2]);
    let told = run(&place, "3", 0);
    assert!(told.contains("hello.wasm is refused") && told.contains("hello 0.1.0 stays live"), "{told}");
    assert!(place.transcript("plugin list").contains("it is not a regular file"));
}

#[test]
fn where_nothing_is_live_and_all_is_refused_the_reasons_are_given() {
    let place = Place::new();
    fs::create_dir(place.path("plugins")).unwrap();
    put_rubbish(&place);
    let told = run(&place, "1", 3);
    assert!(told.contains("refused as plugins:") && told.contains("plugins/pipe.wasm: "), "{told}");
}
