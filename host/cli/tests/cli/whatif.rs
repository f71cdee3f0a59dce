//! `cantus whatif` and `cantus explain`, on a bank account and on tallies.

use cantus_tests::guests;
use serde_json::Value;

use crate::support::{FILTERS, Place, transcript};

/// As the one of `support`, and apart from times in microseconds and lines of guests.
macro_rules! assert_golden {
    ($($argument:expr),+) => {
        let more = [(r#""now":\d+"#, r#""now":<micros>"#), (r"mode\.rs:\d+:\d+", "mode.rs:<line>")];
        let filters = FILTERS.iter().copied().chain(more);
        insta::with_settings!({ filters => filters.collect::<Vec<_>>() }, { insta::assert_snapshot!($($argument),+) });
    };
}

/// A folder where these commands (id, name, payload) to one aggregate were decided by one plugin.
fn place(plugin: &[u8], aggregate: &str, aggregate_id: &str, commands: &[(&str, &str, &str)]) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("plugins")).unwrap();
    place.write("plugins/it.wasm", plugin);
    let line = |(id, name, payload): &(&str, &str, &str)| {
        format!(
            "{{\"id\":\"{id}\",\"aggregate\":\"{aggregate}\",\"aggregate_id\":\"{aggregate_id}\",\"command\":\"{name}\",\
             \"payload\":{payload},\"actor\":\"teller\",\"metadata\":{{\"branch\":\"7\"}}}}\n"
        )
    };
    place.write("commands.jsonl", commands.iter().map(line).collect::<String>());
    let output = place.cantus("run --commands commands.jsonl");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    place
}

/// 100 - 120 = -20, 40 is more than the 30 that are available, -20 + 60 = 40.
fn bank() -> Place {
    let commands = [
        ("open", "OpenAccount", r#"{"owner":"Ada","overdraft":50}"#),
        ("salary", "Deposit", r#"{"amount":100,"reference":"May"}"#),
        ("rent", "Withdraw", r#"{"amount":120}"#),
        ("coffee", "Withdraw", r#"{"amount":40}"#),
        ("refund", "Deposit", r#"{"amount":60,"reference":"heating"}"#),
    ];
    place(&guests::read(guests::BANK), "Account", "ada", &commands)
}

fn tally(commands: &[(&str, &str, &str)]) -> Place {
    place(&guests::shifty("shifty", "1.0.0", "good"), "Tally", "7", commands)
}

fn json(place: &Place, line: &str) -> Value {
    let output = place.cantus(line);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn both_explain_themselves() {
    for verb in ["whatif", "explain"] {
        let output = Place::new().cantus(&format!("{verb} --help"));
        assert_eq!(output.status.code(), Some(0));
        assert_golden!(format!("help_{verb}"), String::from_utf8(output.stdout).unwrap());
    }
}

#[test]
fn two_timelines_stand_beside_each_other() {
    let place = bank();
    place.write(
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
    assert_golden!(lines.map(|line| place.transcript(line)).join("\n"));
}

#[test]
fn a_command_is_explained() {
    let place = bank();
    let lines = ["explain rent", "explain coffee", "explain open --json", "explain coffee --json", "explain nobody"];
    assert_golden!(lines.map(|line| place.transcript(line)).join("\n"));
}

/// Without the component that decided, the record is still there.
#[test]
fn a_component_that_is_gone_is_named() {
    let place = bank();
    std::fs::remove_dir_all(place.path("data/components")).unwrap();
    let lines = [
        "explain rent",
        "explain rent --json",
        "whatif Account ada --at 2 --drop",
        "whatif Account ada --at 2 --drop --plugin plugins/it.wasm",
    ];
    assert_golden!(lines.map(|line| place.transcript(line)).join("\n"));
}

#[test]
fn another_component_may_decide() {
    let place =
        tally(&[("a", "Add", "{\"amount\":1}"), ("b", "Add", "{\"amount\":13}"), ("c", "Add", "{\"amount\":2}")]);
    for mode in ["limit-10", "trap-on-13", "other-state"] {
        place.write(&format!("{mode}.wasm"), guests::shifty("shifty", "2.0.0", mode));
    }
    place.write("text.wasm", "hello");
    place.write("bank.wasm", guests::read(guests::BANK));
    let insert = r#"whatif Tally 7 --at a --insert {"command":"Add","payload":{"amount":4}} --plugin"#;
    let lines = ["limit-10", "trap-on-13", "other-state", "text", "bank", "missing"];
    assert_golden!(lines.map(|name| place.transcript(&format!("{insert} {name}.wasm"))).join("\n"));
}

#[test]
fn each_mistake_has_its_message_and_exit_code() {
    let place = bank();
    let line = r#"{"aggregate":"Account","aggregate_id":"ada","command":"Withdraw","payload":{"amount":1}}"#;
    place.write("elsewhere.jsonl", format!("{line}\n{}\n", line.replace("ada", "bob")));
    place.write("broken.jsonl", format!("{line}\n\n{{\"aggregate\":1}}\n"));
    place.write("taken.jsonl", line.replace("\"command\"", "\"id\":\"what-if-1\",\"command\""));
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
    assert_golden!(lines.map(|line| place.transcript(&format!("whatif {line}"))).join("\n"));
}

/// An aggregate's id is a text, also where it looks like a number; and so is a command's.
#[test]
fn names_may_be_numbers() {
    let place =
        tally(&[("2", "Add", "{\"amount\":1}"), ("1", "Add", "{\"amount\":2}"), ("007", "Add", "{\"amount\":4}")]);
    let total =
        |line: &str| json(&place, &format!("whatif Tally 7 {line} --drop --json"))["now"]["state"]["total"].as_u64();
    // 1 + 2 + 4, without the event of that version, or the command of that id.
    assert_eq!([total("--at 1"), total("--at id:1")], [Some(6), Some(5)]);
    assert_eq!([total("--at 003"), total("--at id:007")], [Some(3), Some(3)]);
    assert_eq!([total("--at 002"), total("--at id:2")], [Some(5), Some(6)]);
}

/// Lines from a pipe; ids that are made up are the same every time.
#[test]
fn more_commands_come_from_stdin() {
    let place = tally(&[("a", "Add", "{\"amount\":1}")]);
    let line = r#"{"aggregate":"Tally","aggregate_id":"7","command":"Add","payload":{"amount":10}}"#;
    let ask = |flags: &str| {
        let mut command = place.command();
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
    let place = bank();
    let stored =
        || ["data/cantus.db", "data/cantus.db-wal"].map(|name| std::fs::read(place.path(name)).unwrap_or_default());
    let events = place.transcript("events --json");
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
        place.cantus(line);
        assert!(stored() == before, "{line} wrote to the store");
    }
    assert_eq!(place.transcript("events --json"), events);
}

/// The same question has the same answer.
#[test]
fn answers_are_the_same_to_the_byte() {
    let place = bank();
    let line = r#"whatif Account ada --at 2 --drop --commands more.jsonl --json"#;
    place.write(
        "more.jsonl",
        r#"{"aggregate":"Account","aggregate_id":"ada","command":"Deposit","payload":{"amount":1,"reference":""}}"#,
    );
    assert_eq!(place.cantus(line).stdout, place.cantus(line).stdout);
}
