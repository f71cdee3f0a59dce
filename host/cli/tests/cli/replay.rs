//! Replay through the command line: the same bytes wherever it runs, and what each hidden nondeterminism comes to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cantus_tests::guests;
use serde_json::Value;

use crate::support::{Place, transcript};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights/tapes/day-2013-01-01.cantus-tape");

#[test]
fn a_report_does_not_depend_on_threads_processes_or_folders() {
    let report = |threads| {
        let line = format!("replay {DAY} --plugin {} --json --perturb --threads {threads}", guests::FLIGHTS_1_1);
        // The places for guests in a host are no bound here.
        let output = Place::new().cantus(&(line + " --set wasm.sandboxes=2"));
        assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
        output.stdout
    };
    let one = report(1);
    assert!(report(5) == one && report(2) == one);
}

/// A host with the guest of every hidden nondeterminism, which was sent one command several times.
fn diary(command: &str, payload: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("plugins")).unwrap();
    std::fs::copy(guests::MOODY, place.path("plugins/moody.wasm")).unwrap();
    let line = |n: usize| {
        format!(
            r#"{{"id":"{n}","aggregate":"Diary","aggregate_id":"d-{}","command":"{command}","payload":{payload}}}"#,
            n % 3
        )
    };
    place.write("commands.jsonl", (0..9).map(|n| line(n) + "\n").collect::<String>());
    place.cantus("run --commands commands.jsonl");
    place
}

/// What a replay of it finds: how many commands differ from the record, and which perturbations show something.
fn found(place: &Place) -> (u64, u64, Vec<String>) {
    let output = place.cantus("replay --perturb --json");
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
fn what_is_hidden_is_refused_harmless_or_found() {
    let nothing = Vec::<String>::new();
    // Clock and randomness come from the context, NaN has one form: nothing is left to find.
    for (command, payload) in [
        ("Note", r#"{"text":"a"}"#),
        ("LookAtClock", "{}"),
        ("RollDie", "{}"),
        ("Divide", r#"{"dividend":0.0,"divisor":0.0}"#),
    ] {
        assert_eq!(found(&diary(command, payload)), (9, 0, nothing.clone()), "{command}");
    }
    // The order of a hash map follows its seed.
    let words = r#"{"text":"the quick brown fox jumps over that lazy dog and then some more of them"}"#;
    for (command, payload) in [("CountWords", words), ("TossCoin", "{}")] {
        let (_, _, showing) = found(&diary(command, payload));
        assert!(showing.iter().any(|name| name.contains("hash seed")), "{command}: {showing:?}");
    }
    // A static outlives its aggregate.
    let (_, _, showing) = found(&diary("DrawTicket", "{}"));
    assert!(showing.iter().any(|name| name.contains("fresh instances")), "{showing:?}");
    // An allocation that fails is a fault: nothing was recorded.
    let output = diary("Sort", r#"{"bytes":300000000}"#).cantus("replay");
    assert!(transcript(&output).contains("no recorded command is selected"), "{}", transcript(&output));
}

#[test]
fn what_keeps_it_from_running_is_exit_code_two() {
    let place = Place::new();
    let flights = format!("replay {DAY} --plugin {}", guests::FLIGHTS_1_1);
    for (line, why) in [
        ("replay", "there is no store"),
        ("replay nothing.cantus-tape", "nothing.cantus-tape"),
        (&format!("replay {DAY}"), "components that decided are not here"),
        (&format!("replay {DAY} --plugin none.wasm"), "none.wasm"),
        (&format!("replay {DAY} --waiver w.toml"), "--plugin"),
        (&format!("replay {DAY} --plugin {}", guests::MOODY), "moody has decided nothing here"),
        (&format!("{flights} --aggregate Fligth"), "no recorded command is selected"),
        (&format!("{flights} --since 2100-01-01T00:00:00Z"), "all 4,204 commands lie before --since"),
        (&format!("{flights} --sample 0.000001"), "between 0.0001 and 100"),
        (&format!("{flights} --threads 0"), "--threads"),
        (&format!("{flights} --limit 5 --junit none/x.xml"), "none/x.xml: No such file"),
    ] {
        let output = place.cantus(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", transcript(&output));
        assert!(transcript(&output).contains(why), "{line}: {}", transcript(&output));
    }
}

#[test]
fn the_limit_counts_what_is_decided() {
    let place = diary("Note", r#"{"text":"a"}"#);
    let since = now();
    place.write("more.jsonl", place.read("commands.jsonl").replace(r#""id":""#, r#""id":"1"#));
    place.cantus("run --commands more.jsonl");
    let output = place.cantus(&format!("replay --since {since} --limit 4 --json"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", transcript(&output)));
    // Three streams with three commands each, and then three more.
    let counts = ["commands", "identical", "folded_only"].map(|key| report[key].as_u64().unwrap());
    assert_eq!(counts, [4, 4, 6], "{report}");
}

/// More events than are kept for a component that joins late.
#[test]
fn whoever_decides_at_the_end_of_a_long_stream_has_folded_it_all() {
    let place = Place::new();
    std::fs::create_dir(place.path("plugins")).unwrap();
    std::fs::copy(guests::BANK, place.path("plugins/bank.wasm")).unwrap();
    let line = |id: &str, name: &str, payload: &str| {
        format!(r#"{{"id":"{id}","aggregate":"Account","aggregate_id":"a","command":"{name}","payload":{payload}}}"#)
            + "\n"
    };
    let deposit = format!(r#"{{"amount":1,"reference":"{}"}}"#, "x".repeat(900_000));
    let deposits = (0..80).map(|n| line(&format!("d{n}"), "Deposit", &deposit));
    let opened = std::iter::once(line("o", "OpenAccount", r#"{"owner":"A"}"#));
    place.write("long.jsonl", opened.chain(deposits).collect::<String>());
    place.cantus("run --commands long.jsonl");
    let since = now();
    place.write("last.jsonl", line("w", "Withdraw", r#"{"amount":80}"#));
    place.cantus("run --commands last.jsonl");
    let output = place.cantus(&format!("replay --since {since}"));
    assert!(transcript(&output).contains("  1  identical"), "{}", transcript(&output));
}

/// After whatever was recorded before, in microseconds.
fn now() -> u128 {
    std::thread::sleep(Duration::from_millis(10));
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}
