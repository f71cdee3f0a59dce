//! Files that cannot be written.

use std::{fs, process::Output};

use crate::{
    input::command,
    place::{Place, check_acknowledged, write},
};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Deposits with long texts: `count` of them are about `count` * 10 KB.
fn deposits(count: u64) -> Vec<String> {
    let open = command(0, 0, "OpenAccount", r#"{"owner":"somebody"}"#);
    let text = "r".repeat(5_000);
    let deposit = |id| command(id, 0, "Deposit", &format!(r#"{{"amount":1,"reference":"{text}{id}"}}"#));
    std::iter::once(open).chain((1..count).map(deposit)).collect()
}

/// A limit on the size of a file stands in for a full disk: it too fails a write half way.
#[tokio::test]
async fn a_full_disk_stops_the_run_and_the_same_file_completes_it() {
    let place = Place::new();
    let lines = deposits(600);
    write(&place.path("commands.jsonl"), &lines);
    // In blocks of 512 bytes. Without the trap the shell's child would be killed, and that is another test.
    let limit = "trap '' XFSZ; ulimit -f 4000";
    let run = "run --commands commands.jsonl --outcomes outcomes.jsonl --in-flight 8";
    let output = place.command_after(limit, run).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let audit = place.audit().await;
    let acknowledged = place.acknowledged();
    assert!((50..600).contains(&acknowledged.len()), "{}", acknowledged.len());
    check_acknowledged(&acknowledged, &audit);
    let said = stderr(&output);
    assert!(said.contains("the store cannot write") && said.contains("check its disk, and that it has room"), "{said}");
    let stored = format!("{} commands were acknowledged and are stored", acknowledged.len());
    assert!(said.contains(&stored), "{said}");

    let again = place.run(run);
    assert!(again.status.success(), "{}", stderr(&again));
    let audit = place.audit().await;
    assert_eq!((audit.commands.len(), audit.events()), (lines.len(), lines.len()));
    check_acknowledged(&place.acknowledged(), &audit);
    place.check_state(0, &audit);
}

#[tokio::test]
async fn a_full_disk_under_the_outcomes_loses_no_decision() {
    let place = Place::new();
    write(&place.path("commands.jsonl"), &deposits(20));
    let output = place.run("run --commands commands.jsonl --outcomes /dev/full");
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert!(stderr(&output).contains("the outcomes cannot be written: No space left"), "{}", stderr(&output));
    let again = place.run("run --commands commands.jsonl --outcomes outcomes.jsonl");
    assert!(again.status.success(), "{}", stderr(&again));
    let audit = place.audit().await;
    assert_eq!(audit.commands.len(), 20);
    check_acknowledged(&place.acknowledged(), &audit);
}

#[test]
fn what_is_no_store_is_named() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    fs::write(place.path("text"), "no database at all, but long enough to have a header ".repeat(99)).unwrap();
    for (path, hint) in [
        ("folder", "check the path"),
        ("text", "is not a database"),
        ("text/store.db", "cannot make its folder text"),
        ("/proc/cantus.db", "check the path"),
    ] {
        let output = place.run(&format!("run --commands /dev/null --store sqlite:{path}"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{path}: {said}");
        assert!(said.contains(path.trim_end_matches("/store.db")) && said.contains(hint), "{path}: {said}");
        assert_eq!(place.run(&format!("events --store sqlite:{path}")).status.code(), Some(4), "{path}");
    }
}
