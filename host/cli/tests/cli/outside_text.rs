//! Text from outside (payloads, ids, messages of guests) keeps its bytes in JSON, and stays on its line in text.

use cantus_model::{AggregateRef, Command, Context, Decision, Digest, Entry, Message, PartitionId, Timestamp, Verdict};
use cantus_tests::guests;

use crate::support::{TestFolder, transcript};

/// Numbers of more than 64 bits, a trailing zero, a key twice, and keys that are not sorted.
const EXACT: &str = r#"{"b":0.48631448008240996,"a":123456789012345678901234567890,"b":1.50,"A":1.23e+29}"#;

fn line(id: &str, aggregate_id: &str, payload: &str) -> String {
    let [id, aggregate_id] = [id, aggregate_id].map(|text| serde_json::to_string(text).unwrap());
    format!(r#"{{"id":{id},"aggregate":"Rogue","aggregate_id":{aggregate_id},"command":"Do","payload":{payload}}}"#)
        + "\n"
}

/// Returns a folder whose plugin has produced an event with each of these payloads.
fn echoed(commands: &[String]) -> TestFolder {
    let folder = TestFolder::new();
    std::fs::create_dir(folder.path("plugins")).unwrap();
    std::fs::copy(guests::ROGUE, folder.path("plugins/rogue.wasm")).unwrap();
    folder.write("commands.jsonl", commands.concat());
    let output = folder.cantus("run --commands commands.jsonl");
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    folder
}

/// Runs `cantus` successfully, and returns its output.
fn stdout_of(folder: &TestFolder, words: &[&str]) -> String {
    let output = folder.command().args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}\n{}", transcript(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn values_keep_their_bytes() {
    let folder = echoed(&[line("1", "a", EXACT), line("2", "a", "2")]);
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
        let text = stdout_of(&folder, words);
        assert!(text.contains(EXACT), "{words:?}\n{text}");
    }
    let changed = stdout_of(&folder, &["whatif", "Rogue", "a", "--at", "1", "--replace", &replace, "--json"]);
    assert!(changed.contains(&EXACT.replace("1.50", "1.5")), "{changed}");
}

#[test]
fn a_long_payload_is_cut_unless_the_whole_is_wanted() {
    let long = format!("\"{}\"", "x".repeat(70_000));
    let folder = echoed(&[line("1", "a", &long)]);
    for words in [&["events"][..], &["explain", "1"]] {
        let text = stdout_of(&folder, words);
        assert!(text.contains("… (65,906 more bytes)") && text.len() < 20_000, "{} bytes", text.len());
        let text = stdout_of(&folder, &[words, &["--full"]].concat());
        assert!(text.contains(&long), "{} bytes", text.len());
    }
    assert!(stdout_of(&folder, &["events", "--json"]).contains(&long));
}

#[test]
fn an_id_cannot_change_the_direction_or_the_end_of_its_line() {
    let id = "a\u{202e}b\u{2028}c\u{2066}";
    let folder = echoed(&[line(id, id, "1")]);
    let shown = r"a\u{202e}b\u{2028}c\u{2066}";
    for words in [
        &["events"][..],
        &["explain", id],
        &["state", "Rogue", id],
        &["whatif", "Rogue", id, "--at", "1", "--drop"],
        &["whatif", "Rogue", id, "--at", "0", "--insert", r#"{"command":"Do","payload":1}"#],
    ] {
        let text = stdout_of(&folder, words);
        assert!(text.contains(shown), "{words:?}\n{text}");
        assert!(!text.contains(['\u{202e}', '\u{2028}', '\u{2066}']), "{words:?}\n{text}");
    }
    let mistake = folder.command().args(["state", "Rogue", "x\nerror: forged\u{202e}"]).output().unwrap();
    let stderr = String::from_utf8(mistake.stderr).unwrap();
    assert!(stderr.starts_with("error: Rogue/x\n  error: forged\\u{202e}"), "{stderr}");
    for words in [&["events", "--json"][..], &["explain", id, "--json"], &["state", "Rogue", id, "--json"]] {
        let text = stdout_of(&folder, words);
        assert!(text.contains(&format!("\"aggregate_id\":\"{id}\"")), "{text}");
    }
}

#[test]
fn ids_with_control_characters_are_refused_line_by_line() {
    let folder = echoed(&[line("1", "a", "1")]);
    folder.write("commands.jsonl", [line("2\n3", "a", "1"), line("4", "a\0", "1"), line("5", "a", "1")].concat());
    let output = folder.cantus("run --commands commands.jsonl --outcomes -");
    let outcomes = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{outcomes}");
    let lines: Vec<&str> = outcomes.lines().collect();
    assert!(lines[0].contains("`id` has the control character U+000A at byte 1"), "{outcomes}");
    assert!(lines[1].contains("`aggregate_id` has the control character U+0000 at byte 1"), "{outcomes}");
    assert!(lines[2].contains("accepted"), "{outcomes}");
    let insert = r#"{"id":"w\n","command":"Do","payload":1}"#;
    let text = stdout_of(&folder, &["whatif", "Rogue", "a", "--at", "1", "--insert", insert]);
    assert!(text.contains("refused: `id` has the control character U+000A at byte 1"), "{text}");
}

/// An id that a host refuses today.
const FORGING: &str = "a\n2013-01-01T00:00:00.000000Z  0:9  Rogue/b  9  Done  1\u{1b}[2J\0";

/// Records a command and its event directly, as an older host did.
async fn record(folder: &TestFolder, id: &str) {
    let url = format!("sqlite:{}", folder.path("data/cantus.db").display());
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
async fn ids_of_older_hosts_are_read_and_replayed_and_forge_no_row() {
    let folder = echoed(&[line("1", "b", "1")]);
    // An argument holds no NUL.
    let id = FORGING.trim_end_matches('\0');
    record(&folder, id).await;
    record(&folder, FORGING).await;
    let shown = r"a\n2013-01-01T00:00:00.000000Z  0:9  Rogue/b  9  Done  1\u{1b}[2J";
    let events = stdout_of(&folder, &["events"]);
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
        let text = stdout_of(&folder, words);
        assert!(text.contains(shown) && !text.contains('\u{1b}'), "{words:?}\n{text}");
        assert!(!text.lines().any(|line| line.starts_with("2013")), "{words:?}\n{text}");
    }
    let exact = serde_json::to_string(FORGING).unwrap();
    assert!(stdout_of(&folder, &["events", "--json"]).contains(&format!("\"aggregate_id\":{exact}")));
    assert!(stdout_of(&folder, &["replay"]).starts_with("3 commands of 3 streams"));
    stdout_of(&folder, &["tape", "record", "it.tape"]);
    assert!(stdout_of(&folder, &["replay", "it.tape"]).starts_with("3 commands of 3 streams"));
}

#[test]
fn messages_of_guests_are_cut_in_text_and_complete_in_json() {
    let folder = TestFolder::new();
    std::fs::create_dir(folder.path("plugins")).unwrap();
    std::fs::copy(guests::HOSTILE, folder.path("plugins/hostile.wasm")).unwrap();
    let payload = r#"{"how":"LargeRejection","size":100000}"#;
    let command = line("1", "a", payload).replace("\"Rogue\"", "\"Climber\"").replace("\"Do\"", "\"Misbehave\"");
    folder.write("commands.jsonl", command);
    let output = folder.cantus("run --commands commands.jsonl --outcomes -");
    let (outcomes, summary) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let whole = "x".repeat(100_000);
    assert!(outcomes.contains(&whole) && outcomes.contains("\"rejected\""), "{} bytes", outcomes.len());
    assert!(summary.contains("more bytes)") && summary.len() < 4_000, "{} bytes", summary.len());
    let text = stdout_of(&folder, &["explain", "1"]);
    assert!(text.contains("more bytes)") && text.len() < 8_000, "{} bytes", text.len());
    assert!(stdout_of(&folder, &["explain", "1", "--json"]).contains(&whole));
}
