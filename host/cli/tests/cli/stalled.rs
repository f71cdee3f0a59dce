//! A host whose stderr is not read, and a host whose store another host takes over.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use cantus_tests::guests;

use crate::support::TestFolder;

fn folder() -> TestFolder {
    let folder = TestFolder::new();
    std::fs::create_dir(folder.path("plugins")).unwrap();
    std::fs::copy(guests::HOSTILE, folder.path("plugins/hostile.wasm")).unwrap();
    folder
}

fn spawn(folder: &TestFolder, line: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cantus"));
    command.args(line.split_whitespace()).current_dir(folder.path(""));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn climb(id: u32) -> String {
    format!(r#"{{"id":"{id}","aggregate":"Climber","aggregate_id":"a","command":"Climb","payload":{{"by":1}}}}"#) + "\n"
}

/// Each command prints 16 KiB to stdout and to stderr, and a pipe holds 64 KiB; the shards must not wait.
#[test]
fn a_host_does_not_wait_for_a_reader_of_stderr() {
    let folder = folder();
    let lines = (0..1_000).fold(String::new(), |mut lines, n| {
        let payload = r#"{"how":"Print","size":20000}"#;
        let aggregate = format!(r#""aggregate":"Climber","aggregate_id":"{}""#, n % 10);
        writeln!(lines, r#"{{"id":"{n}",{aggregate},"command":"Misbehave","payload":{payload}}}"#).unwrap();
        lines
    });
    folder.write("commands.jsonl", lines);
    let mut child = spawn(&folder, "run --commands commands.jsonl --outcomes outcomes.jsonl");
    let end = Instant::now() + Duration::from_secs(60);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > end => {
                child.kill().unwrap();
                panic!("it waits for a reader of its stderr");
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert!(status.success(), "{status}");
    assert_eq!(folder.read("outcomes.jsonl").lines().count(), 1_000);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.len() <= 64 << 10 && stderr.contains("oooo"), "{} bytes", stderr.len());
}

/// The first host reports the takeover and the acknowledged commands, and ends although its input is still open.
#[test]
fn a_host_ends_when_another_host_takes_over() {
    let folder = folder();
    let mut child = spawn(&folder, "run --commands - --outcomes -");
    let mut stdin = child.stdin.take().unwrap();
    let mut outcomes = BufReader::new(child.stdout.take().unwrap()).lines();
    stdin.write_all(climb(1).as_bytes()).unwrap();
    assert!(outcomes.next().unwrap().unwrap().contains("accepted"));
    assert!(folder.cantus("run --commands /dev/null").status.success());
    stdin.write_all(climb(2).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("another host took over writing to this store"), "{said}");
    assert!(said.contains("1 commands were acknowledged and are stored, the others were not run"), "{said}");
    assert!(said.contains("2 commands in "), "the summary: {said}");
    drop(stdin);
}
