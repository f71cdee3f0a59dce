//! Replay through the command line: identical reports everywhere, and the detection of hidden nondeterminism.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cantus_tests::guests;
use serde_json::Value;

use crate::support::{TestFolder, transcript};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights/tapes/day-2013-01-01.cantus-tape");

#[test]
fn a_report_does_not_depend_on_threads_processes_or_folders() {
    let report = |threads| {
        let line = format!("replay {DAY} --plugin {} --json --perturb --threads {threads}", guests::FLIGHTS_1_1);
        // The number of sandboxes of a host does not limit a replay.
        let output = TestFolder::new().cantus(&(line + " --set wasm.sandboxes=2"));
        assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
        output.stdout
    };
    let one = report(1);
    assert!(report(5) == one && report(2) == one);
}

/// Returns a folder in which a guest with hidden nondeterminism has decided one command several times.
fn diary(command: &str, payload: &str) -> TestFolder {
    let folder = TestFolder::new();
    std::fs::create_dir(folder.path("plugins")).unwrap();
    std::fs::copy(guests::MOODY, folder.path("plugins/moody.wasm")).unwrap();
    let line = |n: usize| {
        format!(
            r#"{{"id":"{n}","aggregate":"Diary","aggregate_id":"d-{}","command":"{command}","payload":{payload}}}"#,
            n % 3
        )
    };
    folder.write("commands.jsonl", (0..9).map(|n| line(n) + "\n").collect::<String>());
    folder.cantus("run --commands commands.jsonl");
    folder
}

/// Replays the history. Returns the count of commands, the count of those that differ, and the perturbations with a
/// difference.
fn replayed(folder: &TestFolder) -> (u64, u64, Vec<String>) {
    let output = folder.cantus("replay --perturb --json");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", transcript(&output)));
    let count = |key: &str| report[key].as_u64().unwrap();
    let perturbations = report["perturbations"].as_array().unwrap().iter();
    let showing = perturbations.filter(|it| it["differing"].as_u64().unwrap() > 0);
    let names = showing.inspect(names_commands).map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    (count("commands"), count("commands") - count("identical"), names)
}

fn names_commands(perturbation: &&Value) {
    let first = &perturbation["examples"][0];
    assert!(first["aggregate"].as_str().unwrap().starts_with("Diary/d-"), "{first}");
    assert!(first["command_id"].as_str().unwrap().parse::<u32>().is_ok_and(|id| id < 9), "{first}");
    assert_ne!(first["before"], first["now"]);
}

#[test]
fn hidden_nondeterminism_is_refused_or_detected() {
    let nothing = Vec::<String>::new();
    // Clock and randomness come from the context, NaN has one form: nothing is left to find.
    for (command, payload) in [
        ("Note", r#"{"text":"a"}"#),
        ("LookAtClock", "{}"),
        ("RollDie", "{}"),
        ("Divide", r#"{"dividend":0.0,"divisor":0.0}"#),
    ] {
        assert_eq!(replayed(&diary(command, payload)), (9, 0, nothing.clone()), "{command}");
    }
    // The order of a hash map follows its seed.
    let words = r#"{"text":"the quick brown fox jumps over that lazy dog and then some more of them"}"#;
    for (command, payload) in [("CountWords", words), ("TossCoin", "{}")] {
        let (_, _, showing) = replayed(&diary(command, payload));
        assert!(showing.iter().any(|name| name.contains("hash seed")), "{command}: {showing:?}");
    }
    // A static outlives its aggregate.
    let (_, _, showing) = replayed(&diary("DrawTicket", "{}"));
    assert!(showing.iter().any(|name| name.contains("fresh instances")), "{showing:?}");
    // An allocation that fails is a fault: nothing was recorded.
    let output = diary("Sort", r#"{"bytes":300000000}"#).cantus("replay");
    assert!(transcript(&output).contains("the selection has no recorded command"), "{}", transcript(&output));
}

#[test]
fn a_replay_that_cannot_run_has_exit_code_two() {
    let folder = TestFolder::new();
    let flights = format!("replay {DAY} --plugin {}", guests::FLIGHTS_1_1);
    for (line, why) in [
        ("replay", "there is no store"),
        ("replay nothing.cantus-tape", "nothing.cantus-tape"),
        (&format!("replay {DAY}"), "components that decided the commands are missing"),
        (&format!("replay {DAY} --plugin none.wasm"), "none.wasm"),
        (&format!("replay {DAY} --waiver w.toml"), "--plugin"),
        (&format!("replay {DAY} --plugin {}", guests::MOODY), "moody has decided nothing in this history"),
        (&format!("{flights} --aggregate Fligth"), "the selection has no recorded command"),
        (&format!("{flights} --since 2100-01-01T00:00:00Z"), "all 4,204 commands were recorded before --since"),
        (&format!("{flights} --sample 0.000001"), "between 0.0001 and 100"),
        (&format!("{flights} --threads 0"), "--threads"),
        (&format!("{flights} --limit 5 --junit none/x.xml"), "none/x.xml: No such file"),
    ] {
        let output = folder.cantus(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", transcript(&output));
        assert!(transcript(&output).contains(why), "{line}: {}", transcript(&output));
    }
}

#[test]
fn the_limit_counts_decided_commands() {
    let folder = diary("Note", r#"{"text":"a"}"#);
    let since = now();
    folder.write("more.jsonl", folder.read("commands.jsonl").replace(r#""id":""#, r#""id":"1"#));
    folder.cantus("run --commands more.jsonl");
    let output = folder.cantus(&format!("replay --since {since} --limit 4 --json"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", transcript(&output)));
    // Three streams with three commands each, and then three more.
    let counts = ["commands", "identical", "folded_only"].map(|key| report[key].as_u64().unwrap());
    assert_eq!(counts, [4, 4, 6], "{report}");
}

/// The stream has more events than the replay keeps for a component that is needed late.
#[test]
fn a_component_that_decides_late_has_folded_the_whole_stream() {
    let folder = TestFolder::new();
    std::fs::create_dir(folder.path("plugins")).unwrap();
    std::fs::copy(guests::BANK, folder.path("plugins/bank.wasm")).unwrap();
    let line = |id: &str, name: &str, payload: &str| {
        format!(r#"{{"id":"{id}","aggregate":"Account","aggregate_id":"a","command":"{name}","payload":{payload}}}"#)
            + "\n"
    };
    let deposit = format!(r#"{{"amount":1,"reference":"{}"}}"#, "x".repeat(900_000));
    let deposits = (0..80).map(|n| line(&format!("d{n}"), "Deposit", &deposit));
    let opened = std::iter::once(line("o", "OpenAccount", r#"{"owner":"A"}"#));
    folder.write("long.jsonl", opened.chain(deposits).collect::<String>());
    folder.cantus("run --commands long.jsonl");
    let since = now();
    folder.write("last.jsonl", line("w", "Withdraw", r#"{"amount":80}"#));
    folder.cantus("run --commands last.jsonl");
    let output = folder.cantus(&format!("replay --since {since}"));
    assert!(transcript(&output).contains("  1  identical"), "{}", transcript(&output));
}

/// Returns a time in microseconds after all recorded commands.
fn now() -> u128 {
    std::thread::sleep(Duration::from_millis(10));
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}
