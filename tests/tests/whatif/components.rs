//! The component that decides each command of a timeline.

use super::*;

fn add(id: &str, amount: u64) -> Command {
    command(id, "Tally/t", "Add", &format!(r#"{{"amount":{amount}}}"#))
}

/// 1 + 2 by a component that adds, then twice 3 by one that doubles: 1 + 2 + 6 + 6 = 15.
async fn world() -> (World, [Arc<dyn Component>; 2]) {
    let components = [shifty("1.0.0", "good"), shifty("1.1.0", "double")];
    let [good, double] = components.clone();
    let spells = [(good, [add("a", 1), add("b", 2)]), (double, [add("c", 3), add("d", 3)])];
    (World::at(Arc::new(FixedClock(host::NOW)), spells).await, components)
}

fn total(found: &Timelines) -> [u64; 2] {
    ends(found).map(|state| state["total"].as_u64().unwrap())
}

fn amount(found: &Timelines, id: &str) -> u64 {
    now(found, id)["accepted"][0]["payload"]["amount"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_command_is_decided_by_the_component_that_decided_it() {
    let (world, [good, double]) = world().await;
    let found = world.tell("Tally/t", "a", Do::Drop, &[]).await;
    // 2 + 6 + 6
    assert_eq!(total(&found), [15, 14]);
    assert_eq!(found.divergence.commands, tally(3, 0, 0, 1));
    let deciders = ["b", "c", "d"].map(|id| step(&found, id).now.as_ref().unwrap().component);
    assert_eq!(deciders, [good.digest(), double.digest(), double.digest()]);
    assert_eq!([found.before.component, found.now.component], [double.digest(); 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_inserted_is_decided_by_the_component_of_the_branch_point() {
    let (world, _) = world().await;
    let found = world.tell("Tally/t", "b", Do::Insert, &[add("x", 10)]).await;
    assert_eq!((amount(&found, "x"), total(&found)), (10, [15, 25]));
    let found = world.tell("Tally/t", "c", Do::Insert, &[add("x", 10)]).await;
    assert_eq!((amount(&found, "x"), total(&found)), (20, [15, 35]));
    let found = world.tell("Tally/t", 0, Do::Insert, &[add("x", 10)]).await;
    assert_eq!((amount(&found, "x"), total(&found)), (10, [15, 25]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_component_may_decide_everything_from_there_on() {
    let (world, [good, double]) = world().await;
    // 1 + 2 as recorded, then 3 + 3.
    let found = world.tell_with(&good, "Tally/t", 2, Do::Insert, &[]).await;
    assert_eq!(lines(&found), ["~ c: 3 Added → 3 Added", "~ d: 4 Added → 4 Added"]);
    assert_eq!(total(&found), [15, 9]);
    assert_eq!([found.before.component, found.now.component], [double.digest(), good.digest()]);
    // 1 as recorded, then at most 10 in all: 1 + 2 + 3 + 3.
    let strict = shifty("2.0.0", "limit-10");
    let found = world.tell_with(&strict, "Tally/t", 1, Do::Insert, &[add("x", 9), add("y", 1)]).await;
    // 1 + 9 is 10: nothing else fits.
    assert_eq!(
        lines(&found),
        [
            "+ x: nothing → 2 Added",
            "+ y: nothing → full",
            "~ b: 2 Added → full",
            "~ c: 3 Added → full",
            "~ d: 4 Added → full",
        ]
    );
    assert_eq!(total(&found), [15, 10]);
}

/// Its states are not those of the others, and it never reads any: it folds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_with_another_form_of_state_folds_from_the_beginning() {
    let (world, _) = world().await;
    let other = shifty("2.0.0", "other-state");
    let found = world.tell_with(&other, "Tally/t", 4, Do::Insert, &[add("x", 1)]).await;
    let [before, now] = ends(&found);
    assert_eq!((before["total"].as_u64(), now["sum"].as_u64()), (Some(15), Some(16)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_without_the_command_decides_the_others() {
    let reset = command("r", "Tally/t", "Reset", "{}");
    let world = World::of(&shifty("1.0.0", "good"), [add("a", 1), reset, add("b", 2)]).await;
    let found = world.tell_with(&shifty("2.0.0", "no-reset"), "Tally/t", 0, Do::Insert, &[]).await;
    assert_eq!(lines(&found), ["= a: 1 Added → 1 Added", "~ r: 2 Resetted → undecided", "= b: 3 Added → 2 Added"]);
    assert_eq!(total(&found), [2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_gone_can_be_replaced() {
    let (mut world, [good, double]) = world().await;
    world.known.remove(&double.digest());
    let branch = world.branch("Tally/t", "b").await.unwrap();
    let error = world.ask(|| world.question(branch.clone(), Do::Drop, [])).await.unwrap_err();
    assert!(matches!(error, WhatIfError::NoComponent(digest) if digest == double.digest()), "{error}");
    let found = world.tell_with(&good, "Tally/t", "b", Do::Drop, &[]).await;
    // 1 + 3 + 3; how it was before, only the other one knows.
    assert_eq!(found.now.state, Ok(br#"{"events":3,"total":7}"#.to_vec()));
    assert!(found.before.state.unwrap_err().contains("not in the component store"));
    // Nobody needs it for what came before it.
    world.known.insert(double.digest(), double);
    world.known.remove(&good.digest());
    let found = world.tell("Tally/t", "c", Do::Drop, &[]).await;
    assert_eq!(total(&found), [15, 9]);
}
