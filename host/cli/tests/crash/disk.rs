//! Disks that are full, and paths that cannot be written.

use std::{fs, process::Output};

use crate::{
    bank_folder::{BankFolder, check_acknowledged, write},
    input::command,
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

/// A limit on the size of a file has the effect of a full disk: a write fails in the middle.
#[tokio::test]
async fn a_full_disk_stops_the_run_and_the_same_file_completes_it() {
    let folder = BankFolder::new();
    let lines = deposits(600);
    write(&folder.path("commands.jsonl"), &lines);
    // In blocks of 512 bytes. Without the trap the shell's child would be killed, and that is another test.
    let limit = "trap '' XFSZ; ulimit -f 4000";
    let run = "run --commands commands.jsonl --outcomes outcomes.jsonl --in-flight 8";
    let output = folder.command_after(limit, run).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let audit = folder.audit().await;
    let acknowledged = folder.acknowledged();
    assert!((50..600).contains(&acknowledged.len()), "{}", acknowledged.len());
    check_acknowledged(&acknowledged, &audit);
    let said = stderr(&output);
    assert!(said.contains("the store cannot write") && said.contains("check its disk, and that it has room"), "{said}");
    let stored = format!("{} commands were acknowledged and are stored", acknowledged.len());
    assert!(said.contains(&stored), "{said}");

    let again = folder.run(run);
    assert!(again.status.success(), "{}", stderr(&again));
    let audit = folder.audit().await;
    assert_eq!((audit.commands.len(), audit.events()), (lines.len(), lines.len()));
    check_acknowledged(&folder.acknowledged(), &audit);
    folder.check_state(0, &audit);
}

#[tokio::test]
async fn a_full_disk_under_the_outcomes_loses_no_decision() {
    let folder = BankFolder::new();
    write(&folder.path("commands.jsonl"), &deposits(20));
    let output = folder.run("run --commands commands.jsonl --outcomes /dev/full");
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert!(stderr(&output).contains("the outcomes cannot be written: No space left"), "{}", stderr(&output));
    let again = folder.run("run --commands commands.jsonl --outcomes outcomes.jsonl");
    assert!(again.status.success(), "{}", stderr(&again));
    let audit = folder.audit().await;
    assert_eq!(audit.commands.len(), 20);
    check_acknowledged(&folder.acknowledged(), &audit);
}

#[test]
fn a_path_that_is_not_a_store_is_named() {
    let folder = BankFolder::new();
    fs::create_dir(folder.path("folder")).unwrap();
    fs::write(folder.path("text"), "no database at all, but long enough to have a header ".repeat(99)).unwrap();
    for (path, hint) in [
        ("folder", "check the path"),
        ("text", "is not a database"),
        ("text/store.db", "cannot make its folder text"),
        ("/proc/cantus.db", "check the path"),
    ] {
        let output = folder.run(&format!("run --commands /dev/null --store sqlite:{path}"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{path}: {said}");
        assert!(said.contains(path.trim_end_matches("/store.db")) && said.contains(hint), "{path}: {said}");
        assert_eq!(folder.run(&format!("events --store sqlite:{path}")).status.code(), Some(4), "{path}");
    }
}
