//! Invalid arguments, settings and files.

use crate::support::{TestFolder, assert_golden};

#[test]
fn each_mistake_has_its_message_and_exit_code() {
    let folder = TestFolder::with_plugin();
    folder.write("empty.jsonl", "");
    folder.write("text.wasm", "hello");
    std::fs::create_dir(folder.path("empty")).unwrap();
    std::fs::create_dir(folder.path("refused")).unwrap();
    folder.write("refused/core.wasm", b"\0asm\x01\0\0\0");
    folder.write("refused/empty.wasm", "");
    folder.write("refused/text.wasm", "hello");
    let lines = [
        "run",
        "run --json",
        "run --commands missing.jsonl",
        "run --commands missing.jsonl --json",
        "run --commands empty",
        "run --commands empty.jsonl --outcomes no/such/folder",
        "run --commands empty.jsonl --outcomes empty.jsonl",
        "run --commands empty.jsonl --in-flight 0",
        "run --commands empty.jsonl --plugins missing",
        "run --commands empty.jsonl --plugins empty",
        "run --commands empty.jsonl --plugins refused",
        "run --commands empty.jsonl --store nonsense",
        "run --commands empty.jsonl --log a=b=c",
        "events",
        "events Hello",
        "events --limit many",
        "state Hello a",
        "state Hello a --at-time yesterday",
        "state Hello a --at-time 1795329432",
        "state Hello a --at-time 2026-01-01T00:00:00Z --at-version 0",
        "plugin inspect missing.wasm",
        "plugin inspect text.wasm",
        "plugin build missing",
        "plugin new Hello",
        "plugin new option",
        "plugin new plugins",
        "sing",
    ];
    assert_golden!(lines.map(|line| folder.transcript(line)).join("\n"));
}

#[test]
fn reading_creates_no_store() {
    let folder = TestFolder::with_plugin();
    folder.cantus("events");
    folder.cantus("state Hello a");
    let names: Vec<_> = std::fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["plugins"]);
}
