//! What comes from outside (payloads, ids) is shown as it is, and makes no line of its own.

use cantus_model::{AggregateRef, Command, Context, Decision, Digest, Entry, Message, PartitionId, Timestamp, Verdict};
use cantus_tests::guests;

use crate::support::{Place, transcript};

/// Numbers that no 64 bits hold, a trailing zero, a key twice, and keys in no order.
const EXACT: &str = r#"{"b":0.48631448008240996,"a":123456789012345678901234567890,"b":1.50,"A":1.23e+29}"#;

fn line(id: &str, aggregate_id: &str, payload: &str) -> String {
    let [id, aggregate_id] = [id, aggregate_id].map(|text| serde_json::to_string(text).unwrap());
    format!(r#"{{"id":{id},"aggregate":"Rogue","aggregate_id":{aggregate_id},"command":"Do","payload":{payload}}}"#)
        + "\n"
}

/// A folder whose plugin makes an event of each payload, and has made these.
fn echoed(commands: &[String]) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("plugins")).unwrap();
    std::fs::copy(guests::ROGUE, place.path("plugins/rogue.wasm")).unwrap();
    place.write("commands.jsonl", commands.concat());
    let output = place.cantus("run --commands commands.jsonl");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    place
}

/// What it prints, if all is well.
fn said(place: &Place, words: &[&str]) -> String {
    let output = place.command().args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}\n{}", transcript(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn values_are_shown_as_they_were_recorded() {
    let place = echoed(&[line("1", "a", EXACT), line("2", "a", "2")]);
    let replace = format!("{{\"payload\":{}}}", EXACT.replace("1.50", "1.5"));
    for words in [
        &["events"][..],
        &["events", "--json"],
        &["explain", "1"],
        &["explain", "1", "--json"],
        &["whatif", "Rogue", "a", "--at", "1", "--drop"],
        &["whatif", "Rogue", "a", "--at", "1", "--drop", "--json"],
        &["whatif", "Rogue", "a", "--at", "1", "--replace", &replace],
        &["whatif", "Rogue", "a", "--at", "1", "--replace", &replace, "--json"],
    ] {
        let text = said(&place, words);
        assert!(text.contains(EXACT), "{words:?}\n{text}");
    }
    let changed = said(&place, &["whatif", "Rogue", "a", "--at", "1", "--replace", &replace, "--json"]);
    assert!(changed.contains(&EXACT.replace("1.50", "1.5")), "{changed}");
}

#[test]
fn a_long_payload_is_cut_unless_it_is_asked_for() {
    let long = format!("\"{}\"", "x".repeat(70_000));
    let place = echoed(&[line("1", "a", &long)]);
    for words in [&["events"][..], &["explain", "1"]] {
        let text = said(&place, words);
        assert!(text.contains("… (65,906 more bytes)") && text.len() < 20_000, "{} bytes", text.len());
        let text = said(&place, &[words, &["--full"]].concat());
        assert!(text.contains(&long), "{} bytes", text.len());
    }
    assert!(said(&place, &["events", "--json"]).contains(&long));
}

#[test]
fn no_id_turns_its_line_or_makes_another() {
    let id = "a\u{202e}b\u{2028}c\u{2066}";
    let place = echoed(&[line(id, id, "1")]);
    let shown = r"a\u{202e}b\u{2028}c\u{2066}";
    for words in [
        &["events"][..],
        &["explain", id],
        &["state", "Rogue", id],
        &["whatif", "Rogue", id, "--at", "1", "--drop"],
        &["whatif", "Rogue", id, "--at", "0", "--insert", r#"{"command":"Do","payload":1}"#],
    ] {
        let text = said(&place, words);
        assert!(text.contains(shown), "{words:?}\n{text}");
        assert!(!text.contains(['\u{202e}', '\u{2028}', '\u{2066}']), "{words:?}\n{text}");
    }
    let mistake = place.command().args(["state", "Rogue", "x\nerror: forged\u{202e}"]).output().unwrap();
    let said_of_it = String::from_utf8(mistake.stderr).unwrap();
    assert!(said_of_it.starts_with("error: Rogue/x\n  error: forged\\u{202e}"), "{said_of_it}");
    for words in [&["events", "--json"][..], &["explain", id, "--json"], &["state", "Rogue", id, "--json"]] {
        let text = said(&place, words);
        assert!(text.contains(&format!("\"aggregate_id\":\"{id}\"")), "{text}");
    }
}

#[test]
fn ids_with_control_characters_are_refused_line_by_line() {
    let place = echoed(&[line("1", "a", "1")]);
    place.write("commands.jsonl", [line("2\n3", "a", "1"), line("4", "a\0", "1"), line("5", "a", "1")].concat());
    let output = place.cantus("run --commands commands.jsonl --outcomes -");
    let outcomes = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{outcomes}");
    let lines: Vec<&str> = outcomes.lines().collect();
    assert!(lines[0].contains("`id` has the control character U+000A at byte 1"), "{outcomes}");
    assert!(lines[1].contains("`aggregate_id` has the control character U+0000 at byte 1"), "{outcomes}");
    assert!(lines[2].contains("accepted"), "{outcomes}");
    let insert = r#"{"id":"w\n","command":"Do","payload":1}"#;
    let text = said(&place, &["whatif", "Rogue", "a", "--at", "1", "--insert", insert]);
    assert!(text.contains("refused: `id` has the control character U+000A at byte 1"), "{text}");
}

/// An id that no host admits any more.
const FORGING: &str = "a\n2013-01-01T00:00:00.000000Z  0:9  Rogue/b  9  Done  1\u{1b}[2J\0";

/// Records a command and its event as a host of former days did.
async fn record(place: &Place, id: &str) {
    let url = format!("sqlite:{}", place.path("data/cantus.db").display());
    let store = cantus_store::open(&url, 1).await.unwrap();
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let (aggregate, payload) = (AggregateRef::new("Rogue", id), b"1".to_vec());
    let context = Context {
        command_id: id.into(),
        now: Timestamp(1_700_000_000_000_000),
        seed: 7,
        correlation_id: id.into(),
        causation_id: Some(id.into()),
        actor: Some(id.into()),
        metadata: vec![(id.into(), id.into())],
    };
    let decision = Decision {
        base_version: 0,
        command: Message { name: "Do".into(), version: 1, payload: payload.clone() },
        context,
        verdict: Verdict::Accepted(vec![Message { name: "Done".into(), version: 1, payload: payload.clone() }]),
        component: Digest::of(&guests::read(guests::ROGUE)),
    };
    let request_hash = Command::hash_of(&aggregate, "Do", None, &payload, None);
    let entry = Entry { command_id: id.into(), request_hash, aggregate, decision: Some(decision) };
    store.commit(claim, &[entry]).await.unwrap();
}

#[tokio::test]
async fn ids_of_former_days_are_read_and_replayed_and_forge_no_row() {
    let place = echoed(&[line("1", "b", "1")]);
    // An argument holds no NUL.
    let id = FORGING.trim_end_matches('\0');
    record(&place, id).await;
    record(&place, FORGING).await;
    let shown = r"a\n2013-01-01T00:00:00.000000Z  0:9  Rogue/b  9  Done  1\u{1b}[2J";
    let events = said(&place, &["events"]);
    assert_eq!(events.lines().count(), 4, "{events}");
    assert!(
        events.contains(&format!("Rogue/{shown}  ")) && events.contains(&format!(r"Rogue/{shown}\u{{0}}")),
        "{events}"
    );
    for words in [
        &["events", "Rogue", id][..],
        &["explain", id],
        &["state", "Rogue", id],
        &["whatif", "Rogue", id, "--at", "1", "--drop"],
    ] {
        let text = said(&place, words);
        assert!(text.contains(shown) && !text.contains('\u{1b}'), "{words:?}\n{text}");
        assert!(!text.lines().any(|line| line.starts_with("2013")), "{words:?}\n{text}");
    }
    let exact = serde_json::to_string(FORGING).unwrap();
    assert!(said(&place, &["events", "--json"]).contains(&format!("\"aggregate_id\":{exact}")));
    assert!(said(&place, &["replay"]).starts_with("3 commands of 3 streams"));
    said(&place, &["tape", "record", "it.tape"]);
    assert!(said(&place, &["replay", "it.tape"]).starts_with("3 commands of 3 streams"));
}

#[test]
fn what_a_guest_says_is_cut_for_people_and_whole_for_programs() {
    let place = Place::new();
    std::fs::create_dir(place.path("plugins")).unwrap();
    std::fs::copy(guests::HOSTILE, place.path("plugins/hostile.wasm")).unwrap();
    let payload = r#"{"how":"LargeRejection","size":100000}"#;
    let command = line("1", "a", payload).replace("\"Rogue\"", "\"Climber\"").replace("\"Do\"", "\"Misbehave\"");
    place.write("commands.jsonl", command);
    let output = place.cantus("run --commands commands.jsonl --outcomes -");
    let (outcomes, summary) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let whole = "x".repeat(100_000);
    assert!(outcomes.contains(&whole) && outcomes.contains("\"rejected\""), "{} bytes", outcomes.len());
    assert!(summary.contains("more bytes)") && summary.len() < 4_000, "{} bytes", summary.len());
    let text = said(&place, &["explain", "1"]);
    assert!(text.contains("more bytes)") && text.len() < 8_000, "{} bytes", text.len());
    assert!(said(&place, &["explain", "1", "--json"]).contains(&whole));
}
