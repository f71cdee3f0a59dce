//! The contexts in which commands are decided in the new timeline.

use std::collections::VecDeque;

use cantus_model::Timestamp;

use super::*;

/// Tells these times, one for each command.
struct Script(Mutex<VecDeque<u64>>);

impl Clock for Script {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.lock().unwrap().pop_front().unwrap())
    }
}

fn script(times: impl IntoIterator<Item = u64>) -> Arc<dyn Clock> {
    Arc::new(Script(Mutex::new(times.into_iter().map(|second| second * 1_000_000).collect())))
}

fn account(id: &str, name: &str, payload: &str) -> Command {
    command(id, "Account/a", name, payload)
}

fn deposit(id: &str) -> Command {
    account(id, "Deposit", r#"{"amount":5,"reference":""}"#)
}

fn withdraw(id: &str) -> Command {
    account(id, "Withdraw", r#"{"amount":5}"#)
}

/// Seconds since 1970 at which a command was asked, before and now; its first event says the same.
fn seconds(found: &Timelines, id: &str) -> [Option<u64>; 2] {
    [&step(found, id).before, &step(found, id).now].map(|side| {
        let side = side.as_ref()?;
        let seconds = side.now.0 / 1_000_000;
        if let Some(at) = json(&side.decision)["accepted"][0]["payload"]["at"].as_str() {
            assert_eq!(at, cantus_sdk::Timestamp::from_micros(side.now.0).to_string());
        }
        Some(seconds)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_commands_keep_their_time_and_new_ones_have_that_of_the_branch_point() {
    let commands = [account("o", "OpenAccount", r#"{"owner":"A"}"#), deposit("d"), withdraw("w")];
    let world = World::at(script([100, 200, 300]), [(guest(guests::BANK), commands)]).await;
    let found = world.tell("Account/a", "d", Do::Insert, &[deposit("x"), deposit("y")]).await;
    assert_eq!(["x", "y"].map(|id| seconds(&found, id)), [[None, Some(200)]; 2]);
    assert_eq!(seconds(&found, "w"), [Some(300); 2]);
    let found = world.tell("Account/a", "d", Do::Drop, &[deposit("d")]).await;
    assert_eq!(lines(&found), ["= d: 2 Deposited → 2 Deposited", "= w: 3 Withdrawn → 3 Withdrawn"]);
    let found = world.tell("Account/a", 0, Do::Insert, &[deposit("x")]).await;
    assert_eq!(seconds(&found, "x"), [None, Some(100)]);
}

/// The clock went back after a rejection, which no event shows. In the new timeline there is an event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_never_runs_backwards() {
    let commands = [account("o", "OpenAccount", r#"{"owner":"A"}"#), withdraw("w"), deposit("d")];
    let world = World::at(script([100, 300, 200]), [(guest(guests::BANK), commands)]).await;
    let found = world.tell("Account/a", "o", Do::Insert, &[deposit("x")]).await;
    assert_eq!(seconds(&found, "x"), [None, Some(100)]);
    assert_eq!(seconds(&found, "w"), [Some(300); 2]);
    assert_eq!(seconds(&found, "d"), [Some(200), Some(300)]);
    assert_eq!(lines(&found)[2], "~ d: 2 Deposited → 4 Deposited");
    // The branch point is the rejection at 300, and the last event is from 100.
    let found = world.tell("Account/a", "w", Do::Insert, &[deposit("x")]).await;
    assert_eq!(seconds(&found, "x"), [None, Some(300)]);
}

/// The rogue answers with what it sees of its context.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_follows_from_the_id() {
    let echo = |id: &str| command(id, "Rogue/r", "Do", "echo-context");
    let world = World::at(script([1, 2]), [(component(&guests::rogue("good")), [echo("a"), echo("b")])]).await;
    let found = world.tell("Rogue/r", "a", Do::Insert, &[echo("x")]).await;
    let told = |id: &str| now(&found, id)["accepted"][0]["payload"].as_str().unwrap().to_owned();
    assert_eq!(told("x"), format!("now 1000000 seed {:x} events 1", Command::seed_of("x")));
    assert_eq!(told("b"), format!("now 2000000 seed {:x} events 2", Command::seed_of("b")));
}
