//! Ctrl-C and termination signals: the first one is a request to stop, the second one stops at once.

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use cantus_tests::audit::hold_write_lock;

use crate::{
    bank_folder::{BankFolder, check_acknowledged, write},
    input::commands,
};

const LINES: u64 = 8_000;

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

async fn stops_and_goes_on(with: &str) {
    let folder = BankFolder::new();
    let lines = commands(1, LINES);
    write(&folder.path("commands.jsonl"), &lines);
    let child = folder.command("run --commands commands.jsonl --outcomes outcomes.jsonl --json").spawn().unwrap();
    wait_until("the first outcomes", || folder.outcomes() > 200);
    signal(&child, with);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));

    let audit = folder.audit().await;
    let acknowledged = folder.acknowledged();
    check_acknowledged(&acknowledged, &audit);
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the summary is printed");
    assert_eq!(summary["failed"], 0, "{summary}");
    assert_eq!(summary["commands"], acknowledged.len());
    assert!(acknowledged.len() < lines.len(), "it stopped reading");
    let ids: std::collections::BTreeSet<_> = acknowledged.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), audit.commands.len(), "it waited for the submitted commands");

    let again = folder.run("run --commands commands.jsonl --json");
    assert!(again.status.success(), "{}", text(&again));
    let summary: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    let repeated = lines.len() - folder.audit().await.commands.len();
    assert_eq!(summary["duplicates"], repeated + audit.commands.len(), "nothing was decided twice");
}

#[tokio::test]
async fn an_interrupt_waits_for_submitted_commands() {
    stops_and_goes_on("-INT").await;
}

#[tokio::test]
async fn a_termination_is_like_an_interrupt() {
    stops_and_goes_on("-TERM").await;
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let folder = BankFolder::new();
    let lines = commands(2, 40);
    let mut command = folder.command("run --commands - --outcomes outcomes.jsonl");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines[..20].concat().as_bytes()).unwrap();
    wait_until("the first outcomes", || folder.outcomes() == 20);
    let lock = hold_write_lock(&folder.store()).await;
    stdin.write_all(lines[20..].concat().as_bytes()).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal(&child, "-INT");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(child.try_wait().unwrap().is_none(), "it waits for the store");
    let begun = Instant::now();
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(
        text(&output).contains("stopped at once; every command that was acknowledged is stored"),
        "{}",
        text(&output)
    );
    drop(lock);
    let audit = folder.audit().await;
    assert_eq!(folder.acknowledged().len(), 20);
    check_acknowledged(&folder.acknowledged(), &audit);
}
