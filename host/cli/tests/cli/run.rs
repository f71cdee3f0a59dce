//! `cantus run`, `state` and `events` with the plugin of `cantus plugin new`.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use crate::support::{TestFolder, assert_golden, transcript};

fn add(id: &str, aggregate_id: &str, amount: u32) -> String {
    format!(
        "{{\"id\":\"{id}\",\"aggregate\":\"Hello\",\"aggregate_id\":\"{aggregate_id}\",\"command\":\"Add\",\
         \"payload\":{{\"amount\":{amount}}}}}\n"
    )
}

/// One good line, one of each bad kind, one good line.
fn mixed() -> String {
    let ok = |id: &str| add(id, "b", 1);
    let lines = [
        ok("1"),
        ok("1"),
        add("1", "b", 2),
        ok("2").replace("\"Hello\"", "\"Nope\""),
        ok("3").replace("\"Add\"", "\"Nope\""),
        ok("4").replace("\"payload\"", "\"version\":9,\"payload\""),
        ok("5").replace("\"amount\"", "\"amont\""),
        add("6", "b", 200),
        ok("7").replace("\"payload\"", "\"expected_version\":7,\"payload\""),
        ok("").replace("\"b\"", "\"\""),
        "no JSON\n".to_owned(),
        " \r\n\n".to_owned(),
        "{\"id\":\"8\"\n".to_owned(),
        ok("9").replace("\"command\"", "\"comand\""),
        ok("10").replace(":1}", &format!(":{}1}}", " ".repeat(2_000_000))),
        ok("11").replace("\"payload\"", "\"actor\":\"me\",\"metadata\":{\"a\":\"b\"},\"payload\""),
    ];
    lines.concat()
}

#[test]
fn invalid_lines_are_reported_and_the_others_are_decided() {
    let folder = TestFolder::with_plugin();
    folder.write("commands.jsonl", mixed());
    let first = folder.transcript("run --commands commands.jsonl --outcomes outcomes.jsonl");
    let mut outcomes: Vec<serde_json::Value> =
        folder.read("outcomes.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    outcomes.sort_by_key(|outcome| outcome["line"].as_u64());
    let outcomes: Vec<String> = outcomes.iter().map(|outcome| format!("{outcome}\n")).collect();
    assert_golden!(format!("{first}--- outcomes, by line\n{}", outcomes.concat()));
}

#[test]
fn decided_commands_can_be_queried() {
    let folder = TestFolder::with_plugin();
    folder.write("commands.jsonl", [add("1", "a", 1), add("2", "b", 2), add("3", "a", 3)].concat());
    let lines = [
        "run --commands commands.jsonl --in-flight 1",
        "run --commands commands.jsonl --in-flight 1",
        "state Hello a",
        "state Hello a --at-version 1",
        "state Hello a --at-time 2000-01-01T00:00:00Z --json",
        "state Hello a --at-version 3",
        "state Hello nobody",
        "events",
        "events Hello a --after 1",
        "events --limit 1",
        "events --after 1 --json",
        "events --after 9",
    ];
    assert_golden!(lines.map(|line| folder.transcript(line)).join("\n"));
}

fn spawn(folder: &TestFolder) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cantus"));
    command.args(["run", "--commands", "-", "--outcomes", "-"]).current_dir(folder.path(""));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn stdin_is_answered_line_by_line_until_an_interrupt() {
    let folder = TestFolder::with_plugin();
    let mut child = spawn(&folder);
    let mut stdin = child.stdin.take().unwrap();
    let mut outcomes = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in ["1", "2"] {
        stdin.write_all(add(id, "a", 1).as_bytes()).unwrap();
        let outcome = outcomes.next().unwrap().unwrap();
        assert!(outcome.contains(&format!("\"id\":\"{id}\"")) && outcome.contains("accepted"), "{outcome}");
    }
    // stdin stays open: the interrupt alone must end it.
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 commands"), "{}", transcript(&output));
    drop(stdin);
}

#[test]
fn a_reader_that_closes_the_outcomes_ends_the_run() {
    let folder = TestFolder::with_plugin();
    let mut child = spawn(&folder);
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // Goes on until the pipe breaks in turn.
    let mut ids = 0_u64..;
    while ids.next().is_some_and(|id| stdin.write_all(add(&id.to_string(), "a", 0).as_bytes()).is_ok()) {}
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("the reader of the outcomes has closed them"),
        "{}",
        transcript(&output)
    );
}

/// A duplicate makes the engine decide later commands again; a command that was refused must stay refused.
#[test]
fn a_refused_command_stays_refused_among_duplicates() {
    let folder = TestFolder::with_plugin();
    let command = |line: u32, name: &str| match line % 3 {
        0 => add("same", name, 1),
        1 => add(&format!("{name}-{line}"), name, 1),
        _ => add(&format!("{name}-{line}"), name, 1).replace(":1}", &format!(":{}1}}", " ".repeat(100))),
    };
    let lines =
        |name: &str| (0..300).map(|line| command(line, name).replace("same", &format!("{name}-same"))).collect();
    let lines: [String; 3] = ["a", "b", "c"].map(lines);
    folder.write("commands.jsonl", lines.concat());
    let output = folder.cantus("run --commands commands.jsonl --json --set engine.payload_bytes=64");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["failed_by_code"]["too-large"]["count"], 300, "{summary:#}");
    assert_eq!(summary["failed"], 300, "{summary:#}");
}

/// Commands of a few aggregates, among them repeated ones and those that fail at once.
#[test]
fn outcomes_of_one_aggregate_are_in_the_order_of_its_lines() {
    let folder = TestFolder::with_plugin();
    let line = |n: u32| match n % 7 {
        3 => add(&format!("{}", n - 3), &format!("a{}", n % 4), 0),
        5 => add(&format!("{n}"), &format!("a{}", n % 4), 0).replace("\"Add\"", "\"Nope\""),
        _ => add(&format!("{n}"), &format!("a{}", n % 4), 0),
    };
    folder.write("commands.jsonl", (0..4_000).map(line).collect::<String>());
    let output = folder.cantus("run --commands commands.jsonl --outcomes outcomes.jsonl --in-flight 512");
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let mut last = std::collections::BTreeMap::new();
    for outcome in folder.read("outcomes.jsonl").lines() {
        let outcome: serde_json::Value = serde_json::from_str(outcome).unwrap();
        let line = outcome["line"].as_u64().unwrap();
        let before = last.insert(outcome["aggregate_id"].as_str().unwrap().to_owned(), line);
        assert!(before.is_none_or(|before| before < line), "{outcome} after line {before:?}");
    }
    assert_eq!(last.len(), 4);
}
