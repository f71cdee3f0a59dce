//! SIGKILL, many times. The kernel keeps what was written: `tests/tests/torn.rs` covers a power cut.

use std::{
    fs,
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use cantus_model::Outcome;
use cantus_tests::audit::Audit;

use crate::{
    bank_folder::{BankFolder, check_acknowledged, write},
    input::{ACCOUNTS, commands, draw},
};

const LINES: u64 = 4_000;
const KILLS_PER_STORE: u64 = 5;

/// `CANTUS_CRASH_ROUNDS` is the number of kills; its default is 15, because each takes seconds.
#[tokio::test]
async fn acknowledged_commands_survive_a_kill() {
    let kills = std::env::var("CANTUS_CRASH_ROUNDS").map_or(15, |rounds| rounds.parse().expect("a number of kills"));
    let (mut done, mut midway) = (0, 0);
    for seed in 0.. {
        if done >= kills {
            break;
        }
        midway += one_store(seed, KILLS_PER_STORE.min(kills - done)).await;
        done += KILLS_PER_STORE;
    }
    assert!(midway * 2 > kills, "only {midway} of {kills} kills came between the first and the last command");
}

/// Runs commands on one store until all are decided, and kills the run `kills` times. Returns the count of kills at which some
/// commands were decided and others were not.
async fn one_store(seed: u64, kills: u64) -> u64 {
    let lines = commands(seed, LINES);
    let undisturbed = undisturbed(&lines).await;
    let folder = BankFolder::new();
    write(&folder.path("commands.jsonl"), &lines);
    let (mut before, mut midway) = (Audit::default(), 0);
    for kill in 0..kills {
        let moment = draw(seed, LINES + kill);
        kill_once(&folder, &lines, moment, kill, &before);
        let audit = folder.audit().await;
        check_acknowledged(&folder.acknowledged(), &audit);
        check_nothing_lost(&before, &audit);
        check_beginning_of(&undisturbed, &audit);
        folder.check_state(0, &audit);
        midway += u64::from(!audit.commands.is_empty() && audit.commands.len() < undisturbed.commands.len());
        before = audit;
    }
    finish(&folder, &undisturbed).await;
    midway
}

/// Returns the store after a run that is not killed.
async fn undisturbed(lines: &[String]) -> Audit {
    let folder = BankFolder::new();
    write(&folder.path("commands.jsonl"), lines);
    let output = folder.run("run --commands commands.jsonl");
    assert!(output.status.success(), "{output:?}");
    let audit = folder.audit().await;
    let accepted =
        audit.commands.values().filter(|command| matches!(command.outcome, Outcome::Accepted { .. })).count();
    assert!(accepted > 1_000 && accepted + 100 < audit.commands.len() && audit.commands.len() < lines.len());
    audit
}

/// Starts a run and kills it: the first one during its start, later ones after some more outcomes.
fn kill_once(folder: &BankFolder, lines: &[String], moment: u64, kill: u64, before: &Audit) {
    let _ = fs::remove_file(folder.path("outcomes.jsonl"));
    let in_flight = [8, 64, 256][(moment % 3) as usize];
    let shards = 1 + moment / 3 % 2;
    let from = if kill.is_multiple_of(2) { "commands.jsonl" } else { "-" };
    let line =
        format!("run --commands {from} --outcomes outcomes.jsonl --in-flight {in_flight} --set engine.shards={shards}");
    let mut command = folder.command(&line);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    feed(&mut child, lines);
    if kill == 0 {
        std::thread::sleep(Duration::from_micros(moment / 6 % 200_000));
    } else {
        let left = lines.len() - before.commands.len();
        let wanted = before.commands.len() + (moment / 6) as usize % (left / 3).max(1);
        wait_for(folder, &mut child, wanted);
        std::thread::sleep(Duration::from_micros(moment / 7 % 3_000));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.signal() == Some(9) || status.success(), "{status}");
}

/// Writes the lines to stdin until the process ends.
fn feed(child: &mut Child, lines: &[String]) {
    let (mut stdin, text) = (child.stdin.take().unwrap(), lines.concat());
    std::thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
}

/// Waits until this many outcomes are written, or the run has ended.
fn wait_for(folder: &BankFolder, child: &mut Child, outcomes: usize) {
    let begun = Instant::now();
    while folder.outcomes() < outcomes && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} of {outcomes} outcomes", folder.outcomes());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn check_nothing_lost(before: &Audit, now: &Audit) {
    for (id, recorded) in &before.commands {
        assert_eq!(now.commands.get(id), Some(recorded), "{id} is not what it was before the last kill");
    }
}

/// The commands of one aggregate are decided in the order of their lines, so at any moment its events are the
/// beginning of what they will be.
fn check_beginning_of(whole: &Audit, part: &Audit) {
    for (id, recorded) in &part.commands {
        assert_eq!(whole.commands.get(id), Some(recorded), "{id}");
    }
    for (aggregate, events) in &part.streams {
        assert!(whole.streams[aggregate].starts_with(events), "{aggregate}");
    }
}

/// Runs the same file to its end.
async fn finish(folder: &BankFolder, undisturbed: &Audit) {
    let output = folder.run("run --commands commands.jsonl --outcomes outcomes.jsonl");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(folder.acknowledged().len() as u64, LINES, "every line is answered");
    let audit = folder.audit().await;
    check_acknowledged(&folder.acknowledged(), &audit);
    assert!(audit == *undisturbed, "the end is not that of an undisturbed run");
    for account in 0..ACCOUNTS {
        folder.check_state(account, &audit);
    }
}
