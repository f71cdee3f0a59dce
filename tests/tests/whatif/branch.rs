//! Where timelines part, and what cannot be asked there.

use super::*;

fn climb(id: &str, by: u32) -> Command {
    command(id, "Climber/c", "Climb", &format!(r#"{{"by":{by}}}"#))
}

/// `burst` leads from version 1 to 4.
async fn world() -> World {
    let burst = command("burst", "Climber/c", "Misbehave", r#"{"how":"ManyEvents","size":3}"#);
    let other = command("other", "Climber/d", "Climb", r#"{"by":1}"#);
    World::of(&guest(guests::HOSTILE), [climb("first", 1), burst, other, climb("last", 2)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_names_the_command_that_produced_it() {
    let world = world().await;
    for (version, id) in [(1, "first"), (2, "burst"), (3, "burst"), (4, "burst"), (5, "last")] {
        let branch = world.branch("Climber/c", version).await.unwrap();
        assert_eq!(branch, world.branch("Climber/c", id).await.unwrap());
        assert_eq!(branch.command.unwrap().context.command_id, id);
    }
    assert_eq!(world.branch("Climber/c", 0).await.unwrap().command, None);
}

/// All events of the command go, or all stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timelines_never_part_within_a_command() {
    let world = world().await;
    let dropped = world.tell("Climber/c", 3, Do::Drop, &[]).await;
    assert_eq!(dropped.common_prefix.version, 1);
    assert_eq!(
        lines(&dropped),
        ["- burst: 2 Climbed, 3 Climbed, 4 Climbed → nothing", "= last: 5 Climbed → 2 Climbed"]
    );
    assert_eq!(dropped.divergence.events, tally(1, 0, 0, 3));
    let inserted = world.tell("Climber/c", 3, Do::Insert, &[climb("more", 7)]).await;
    assert_eq!(inserted.common_prefix.version, 4);
    assert_eq!(lines(&inserted), ["+ more: nothing → 5 Climbed", "= last: 5 Climbed → 6 Climbed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_with_fewer_events_loses_the_others() {
    let world = world().await;
    let burst = command("burst", "Climber/c", "Misbehave", r#"{"how":"ManyEvents","size":1}"#);
    let found = world.tell("Climber/c", "burst", Do::Drop, &[burst]).await;
    assert_eq!(marks(&found, "burst"), [StepMark::Unchanged, StepMark::Removed, StepMark::Removed]);
    let found = world.tell("Climber/c", "last", Do::Drop, &[climb("last", 3)]).await;
    assert_eq!(marks(&found, "last"), [StepMark::Changed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_that_are_not_there_are_named() {
    let world = world().await;
    let error = async |aggregate, at: Place| world.branch(aggregate, at).await.unwrap_err().to_string();
    assert_eq!(error("Climber/c", 6.into()).await, "Climber/c is at version 5, so it has no version 6");
    assert_eq!(
        error("Climber/c", u64::MAX.into()).await,
        format!("Climber/c is at version 5, so it has no version {}", u64::MAX)
    );
    assert_eq!(error("Climber/nobody", 1.into()).await, "Climber/nobody has no events");
    assert_eq!(error("Climber/c", "nope".into()).await, "no command \"nope\" is recorded");
    assert_eq!(
        error("Climber/c", "other".into()).await,
        "the command \"other\" was asked of Climber/d, not of Climber/c"
    );
    let nobody = world.branch("Climber/nobody", 0).await.unwrap();
    let asked = world.ask(|| world.question(nobody.clone(), Do::Insert, [])).await;
    assert_eq!(asked.unwrap_err().to_string(), "Climber/nobody has no commands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_used_once() {
    let world = world().await;
    let ask = async |what, commands: &[Command]| {
        let branch = world.branch("Climber/c", "burst").await.unwrap();
        world.ask(|| world.question(branch.clone(), what, commands.to_vec())).await.map(|found| lines(&found).len())
    };
    for (what, commands) in [
        (Do::Insert, vec![climb("last", 1)]),
        (Do::Insert, vec![climb("burst", 1)]),
        (Do::Insert, vec![climb("other", 1)]),
        (Do::Insert, vec![climb("x", 1), climb("x", 1)]),
        (Do::Drop, vec![climb("burst", 1), climb("burst", 1)]),
    ] {
        let id = &commands.last().unwrap().id;
        let Err(WhatIfError::IdTaken(taken)) = ask(what, &commands).await else { panic!("{id}") };
        assert_eq!(taken, *id);
    }
    assert_eq!(ask(Do::Drop, &[climb("x", 1), climb("burst", 1), climb("y", 1)]).await.unwrap(), 4);
}

/// It has commands and no events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregate_that_only_ever_rejected_has_timelines_as_well() {
    let withdraw = command("w", "Account/a", "Withdraw", r#"{"amount":1}"#);
    let world = World::of(&guest(guests::BANK), [withdraw]).await;
    let open = command("o", "Account/a", "OpenAccount", r#"{"owner":"A","overdraft":1}"#);
    let found = world.tell("Account/a", 0, Do::Insert, &[open]).await;
    assert_eq!(lines(&found), ["+ o: nothing → 1 AccountOpened", "~ w: account-not-open → 2 Withdrawn"]);
    let found = world.tell("Account/a", "w", Do::Drop, &[]).await;
    assert_eq!(lines(&found), ["- w: account-not-open → nothing"]);
    assert_eq!(found.before, found.now);
}
