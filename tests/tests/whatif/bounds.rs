//! Long histories.

use super::*;

fn add(id: &str, amount: u64) -> Command {
    command(id, "Tally/t", "Add", &format!(r#"{{"amount":{amount}}}"#))
}

/// Several pages of a few commands, of which few are shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_shown_is_counted() {
    const COMMANDS: u64 = 1_500;
    let zeros = (0..COMMANDS).map(|n| add(&format!("a{n}"), u64::from(n == 0)));
    let world = World::of(&shifty("1.0.0", "good"), zeros).await;
    let branch = world.branch("Tally/t", "a0").await.unwrap();
    let question = || WhatIfQuery { limit: 3, ..world.question(branch.clone(), Do::Drop, []) };
    let found = world.ask(question).await.unwrap();
    assert_eq!(lines(&found), ["- a0: 1 Added → nothing", "= a1: 2 Added → 1 Added", "= a2: 3 Added → 2 Added"]);
    assert_eq!((found.divergence.left_out, found.divergence.commands), (COMMANDS - 3, tally(COMMANDS - 1, 0, 0, 1)));
    assert_eq!((found.before.version, found.now.version), (COMMANDS, COMMANDS - 1));
    assert_eq!(ends(&found).map(|state| state["total"].as_u64()), [Some(1), Some(0)]);
    // At the far end.
    let found = world.tell("Tally/t", COMMANDS, Do::Insert, &[add("x", 5)]).await;
    assert_eq!(found.common_prefix.commands, COMMANDS);
    assert_eq!(lines(&found), [format!("+ x: nothing → {} Added", COMMANDS + 1)]);
}

/// More events than are kept to hydrate anybody again: whoever takes part from the beginning decides all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_too_long_to_be_kept_is_decided_to_its_end() {
    const DEPOSITS: u64 = 80;
    let reference = "x".repeat(900_000);
    let payload = |n: u64| format!(r#"{{"amount":{n},"reference":"{reference}"}}"#);
    let account = |id: &str, name: &str, payload: &str| command(id, "Account/a", name, payload);
    let deposits = (1..=DEPOSITS).map(|n| account(&format!("d{n}"), "Deposit", &payload(n)));
    let commands = std::iter::once(account("o", "OpenAccount", r#"{"owner":"A"}"#)).chain(deposits);
    let world = World::of(&guest(guests::BANK), commands).await;
    let withdraw = account("w", "Withdraw", r#"{"amount":1000}"#);
    let branch = world.branch("Account/a", DEPOSITS).await.unwrap();
    let found = whatif(&*world.store, &*world.store, world.question(branch, Do::Drop, [withdraw])).await.unwrap();
    assert_eq!(
        lines(&found),
        ["- d79: 80 Deposited → nothing", "+ w: nothing → 80 Withdrawn", "= d80: 81 Deposited → 81 Deposited",]
    );
    // 1 + 2 + ... + 80 = 3,240, and without 79 and 1,000: 2,161.
    assert_eq!(ends(&found).map(|state| state["balance"].as_i64()), [Some(3_240), Some(2_161)]);
}
