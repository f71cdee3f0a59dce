//! Somebody holds the process at one end: nobody reads its stderr, or another host takes its store.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use cantus_tests::guests;

use crate::support::Place;

fn place() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("plugins")).unwrap();
    std::fs::copy(guests::HOSTILE, place.path("plugins/hostile.wasm")).unwrap();
    place
}

fn spawn(place: &Place, line: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cantus"));
    command.args(line.split_whitespace()).current_dir(place.path(""));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn climb(id: u32) -> String {
    format!(r#"{{"id":"{id}","aggregate":"Climber","aggregate_id":"a","command":"Climb","payload":{{"by":1}}}}"#) + "\n"
}

/// Each command prints 16 KiB to stdout and to stderr, and a pipe holds 64 KiB: the shards go on all the same.
#[test]
fn a_stderr_that_nobody_reads_halts_nothing() {
    let place = place();
    let lines = (0..1_000).fold(String::new(), |mut lines, n| {
        let payload = r#"{"how":"Print","size":20000}"#;
        let aggregate = format!(r#""aggregate":"Climber","aggregate_id":"{}""#, n % 10);
        writeln!(lines, r#"{{"id":"{n}",{aggregate},"command":"Misbehave","payload":{payload}}}"#).unwrap();
        lines
    });
    place.write("commands.jsonl", lines);
    let mut child = spawn(&place, "run --commands commands.jsonl --outcomes outcomes.jsonl");
    let end = Instant::now() + Duration::from_secs(60);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > end => {
                child.kill().unwrap();
                panic!("it waits for somebody who reads its stderr");
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert!(status.success(), "{status}");
    assert_eq!(place.read("outcomes.jsonl").lines().count(), 1_000);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.len() <= 64 << 10 && stderr.contains("oooo"), "{} bytes", stderr.len());
}

/// The host that was replaced says so, tells what was acknowledged, and ends although its input goes on.
#[test]
fn a_host_that_another_replaced_ends() {
    let place = place();
    let mut child = spawn(&place, "run --commands - --outcomes -");
    let mut stdin = child.stdin.take().unwrap();
    let mut outcomes = BufReader::new(child.stdout.take().unwrap()).lines();
    stdin.write_all(climb(1).as_bytes()).unwrap();
    assert!(outcomes.next().unwrap().unwrap().contains("accepted"));
    assert!(place.cantus("run --commands /dev/null").status.success());
    stdin.write_all(climb(2).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("another host took over writing to this store"), "{said}");
    assert!(said.contains("1 commands were acknowledged and are stored, the rest was not run"), "{said}");
    assert!(said.contains("2 commands in "), "the summary: {said}");
    drop(stdin);
}
