//! `cantus whatif` and `cantus explain`, on a bank account and on tallies.

use cantus_tests::guests;
use serde_json::Value;

use crate::support::{FILTERS, TestFolder, transcript};

/// As the one of `support`, and apart from times in microseconds and lines of guests.
macro_rules! assert_golden {
    ($($argument:expr),+) => {
        let more = [(r#""now":\d+"#, r#""now":<micros>"#), (r"mode\.rs:\d+:\d+", "mode.rs:<line>")];
        let filters = FILTERS.iter().copied().chain(more);
        insta::with_settings!({ filters => filters.collect::<Vec<_>>() }, { insta::assert_snapshot!($($argument),+) });
    };
}

/// A folder where these commands (id, name, payload) to one aggregate were decided by one plugin.
fn folder(plugin: &[u8], aggregate: &str, aggregate_id: &str, commands: &[(&str, &str, &str)]) -> TestFolder {
    let folder = TestFolder::new();
    std::fs::create_dir(folder.path("plugins")).unwrap();
    folder.write("plugins/it.wasm", plugin);
    let line = |(id, name, payload): &(&str, &str, &str)| {
        format!(
            "{{\"id\":\"{id}\",\"aggregate\":\"{aggregate}\",\"aggregate_id\":\"{aggregate_id}\",\"command\":\"{name}\",\
             \"payload\":{payload},\"actor\":\"teller\",\"metadata\":{{\"branch\":\"7\"}}}}\n"
        )
    };
    folder.write("commands.jsonl", commands.iter().map(line).collect::<String>());
    let output = folder.cantus("run --commands commands.jsonl");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    folder
}

/// 100 - 120 = -20, 40 is more than the 30 that are available, -20 + 60 = 40.
fn bank() -> TestFolder {
    let commands = [
        ("open", "OpenAccount", r#"{"owner":"Ada","overdraft":50}"#),
        ("salary", "Deposit", r#"{"amount":100,"reference":"May"}"#),
        ("rent", "Withdraw", r#"{"amount":120}"#),
        ("coffee", "Withdraw", r#"{"amount":40}"#),
        ("refund", "Deposit", r#"{"amount":60,"reference":"heating"}"#),
    ];
    folder(&guests::read(guests::BANK), "Account", "ada", &commands)
}

fn tally(commands: &[(&str, &str, &str)]) -> TestFolder {
    folder(&guests::shifty("shifty", "1.0.0", "good"), "Tally", "7", commands)
}

fn json(folder: &TestFolder, line: &str) -> Value {
    let output = folder.cantus(line);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn both_commands_have_a_help_text() {
    for command in ["whatif", "explain"] {
        let output = TestFolder::new().cantus(&format!("{command} --help"));
        assert_eq!(output.status.code(), Some(0));
        assert_golden!(format!("help_{command}"), String::from_utf8(output.stdout).unwrap());
    }
}

#[test]
fn two_timelines_are_compared() {
    let folder = bank();
    folder.write(
        "instead.jsonl",
        r#"{"aggregate":"Account","aggregate_id":"ada","command":"CloseAccount","payload":{}}"#,
    );
    let lines = [
        "whatif Account ada --at 2 --drop",
        r#"whatif Account ada --at salary --replace {"payload":{"amount":100,"reference":"June"}}"#,
        r#"whatif Account ada --at 4 --insert {"command":"Withdraw","payload":{"amount":40}} --commands instead.jsonl"#,
        r#"whatif Account ada --at 0 --insert {"command":"Withdraw","payload":{"amount":1}} --limit 2"#,
        r#"whatif Account ada --at coffee --replace {"command":"Rob","payload":{}}"#,
        "whatif Account ada --at 1 --drop --commands instead.jsonl --json",
    ];
    assert_golden!(lines.map(|line| folder.transcript(line)).join("\n"));
}

#[test]
fn a_command_is_explained() {
    let folder = bank();
    let lines = ["explain rent", "explain coffee", "explain open --json", "explain coffee --json", "explain nobody"];
    assert_golden!(lines.map(|line| folder.transcript(line)).join("\n"));
}

/// The record of a command can be read without the component that decided it.
#[test]
fn a_missing_component_is_named() {
    let folder = bank();
    std::fs::remove_dir_all(folder.path("data/components")).unwrap();
    let lines = [
        "explain rent",
        "explain rent --json",
        "whatif Account ada --at 2 --drop",
        "whatif Account ada --at 2 --drop --plugin plugins/it.wasm",
    ];
    assert_golden!(lines.map(|line| folder.transcript(line)).join("\n"));
}

#[test]
fn another_component_may_decide() {
    let folder =
        tally(&[("a", "Add", "{\"amount\":1}"), ("b", "Add", "{\"amount\":13}"), ("c", "Add", "{\"amount\":2}")]);
    for mode in ["limit-10", "trap-on-13", "other-state"] {
        folder.write(&format!("{mode}.wasm"), guests::shifty("shifty", "2.0.0", mode));
    }
    folder.write("text.wasm", "hello");
    folder.write("bank.wasm", guests::read(guests::BANK));
    let insert = r#"whatif Tally 7 --at a --insert {"command":"Add","payload":{"amount":4}} --plugin"#;
    let lines = ["limit-10", "trap-on-13", "other-state", "text", "bank", "missing"];
    assert_golden!(lines.map(|name| folder.transcript(&format!("{insert} {name}.wasm"))).join("\n"));
}

#[test]
fn each_mistake_has_its_message_and_exit_code() {
    let folder = bank();
    let line = r#"{"aggregate":"Account","aggregate_id":"ada","command":"Withdraw","payload":{"amount":1}}"#;
    folder.write("elsewhere.jsonl", format!("{line}\n{}\n", line.replace("ada", "bob")));
    folder.write("broken.jsonl", format!("{line}\n\n{{\"aggregate\":1}}\n"));
    folder.write("taken.jsonl", line.replace("\"command\"", "\"id\":\"what-if-1\",\"command\""));
    let insert = r#"--insert {"command":"Withdraw","payload":{"amount":1}}"#;
    let lines = [
        "Account ada --at 2".to_owned(),
        "Account ada --drop".to_owned(),
        "Account ada --at 2 --drop --insert {}".to_owned(),
        "Account ada --at 9 --drop".to_owned(),
        "Account ada --at 99999999999999999999 --drop".to_owned(),
        "Account ada --at nobody --drop".to_owned(),
        "Account bob --at rent --drop".to_owned(),
        "Account bob --at 1 --drop".to_owned(),
        format!("Account bob --at 0 {insert}"),
        "Account ada --at 0 --drop".to_owned(),
        "Account ada --at 0 --replace {}".to_owned(),
        "Account ada --at 1 --insert {".to_owned(),
        "Account ada --at 1 --insert []".to_owned(),
        "Account ada --at 1 --insert {\"payload\":1}".to_owned(),
        "Account ada --at 1 --insert {\"command\":\"A\",\"payload\":1,\"actr\":1} --json".to_owned(),
        "Account ada --at 1 --replace {\"aggregate_id\":\"bob\"}".to_owned(),
        "Account ada --at 1 --replace {\"id\":\"rent\"}".to_owned(),
        format!("Account ada --at 1 {insert} --commands taken.jsonl"),
        "Account ada --at 1 --drop --commands elsewhere.jsonl".to_owned(),
        "Account ada --at 1 --drop --commands broken.jsonl".to_owned(),
        "Account ada --at 1 --drop --commands missing.jsonl".to_owned(),
        "Account ada --at 1 --drop --store sqlite:missing.db".to_owned(),
    ];
    assert_golden!(lines.map(|line| folder.transcript(&format!("whatif {line}"))).join("\n"));
}

/// An aggregate's id is a text, also where it looks like a number; and so is a command's.
#[test]
fn ids_may_be_numbers() {
    let folder =
        tally(&[("2", "Add", "{\"amount\":1}"), ("1", "Add", "{\"amount\":2}"), ("007", "Add", "{\"amount\":4}")]);
    let total =
        |line: &str| json(&folder, &format!("whatif Tally 7 {line} --drop --json"))["now"]["state"]["total"].as_u64();
    // 1 + 2 + 4, without the event of that version, or the command of that id.
    assert_eq!([total("--at 1"), total("--at id:1")], [Some(6), Some(5)]);
    assert_eq!([total("--at 003"), total("--at id:007")], [Some(3), Some(3)]);
    assert_eq!([total("--at 002"), total("--at id:2")], [Some(5), Some(6)]);
}

/// Commands are read from a pipe, and new ids are the same in each run.
#[test]
fn more_commands_come_from_stdin() {
    let folder = tally(&[("a", "Add", "{\"amount\":1}")]);
    let line = r#"{"aggregate":"Tally","aggregate_id":"7","command":"Add","payload":{"amount":10}}"#;
    let ask = |flags: &str| {
        let mut command = folder.command();
        command.args("whatif Tally 7 --at a --commands - --json".split(' ')).args(flags.split(' '));
        let output = command.write_stdin(format!("{line}\n{line}\n")).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let ids = value["steps"].as_array().unwrap().iter().map(|step| step["command_id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>().join(" "), value["now"]["state"]["total"].as_u64().unwrap())
    };
    assert_eq!(ask("--drop"), ("a what-if-1 what-if-2".into(), 20));
    let insert = r#"--insert {"command":"Add","payload":{"amount":100}}"#;
    assert_eq!(ask(insert), ("what-if-1 what-if-2 what-if-3".into(), 121));
    assert_eq!(
        ask(&insert.replace("{\"command\"", "{\"id\":\"mine\",\"command\"")),
        ("mine what-if-1 what-if-2".into(), 121)
    );
    assert_eq!(ask(r#"--replace {"payload":{"amount":5}}"#), ("a what-if-1 what-if-2".into(), 25));
}

#[test]
fn nothing_is_written() {
    let folder = bank();
    let stored =
        || ["data/cantus.db", "data/cantus.db-wal"].map(|name| std::fs::read(folder.path(name)).unwrap_or_default());
    let events = folder.transcript("events --json");
    let before = stored();
    assert!(!before[0].is_empty());
    for line in [
        "whatif Account ada --at 2 --drop",
        r#"whatif Account ada --at 3 --insert {"command":"Withdraw","payload":{"amount":1}}"#,
        r#"whatif Account ada --at 3 --replace {"payload":{"amount":1}} --json"#,
        "whatif Account ada --at 2 --drop --plugin plugins/it.wasm",
        "whatif Account ada --at 9 --drop",
        "explain rent",
    ] {
        folder.cantus(line);
        assert!(stored() == before, "{line} wrote to the store");
    }
    assert_eq!(folder.transcript("events --json"), events);
}

/// The same request has the same report.
#[test]
fn reports_are_identical_to_the_byte() {
    let folder = bank();
    let line = r#"whatif Account ada --at 2 --drop --commands more.jsonl --json"#;
    folder.write(
        "more.jsonl",
        r#"{"aggregate":"Account","aggregate_id":"ada","command":"Deposit","payload":{"amount":1,"reference":""}}"#,
    );
    assert_eq!(folder.cantus(line).stdout, folder.cantus(line).stdout);
}
