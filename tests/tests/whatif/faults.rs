//! Commands that a host would not decide: they leave no trace, and the timeline goes on.

use super::*;

fn climb(id: &str, by: u32) -> Command {
    command(id, "Climber/c", "Climb", &format!(r#"{{"by":{by}}}"#))
}

fn add(id: &str, amount: u64) -> Command {
    command(id, "Tally/t", "Add", &format!(r#"{{"amount":{amount}}}"#))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_host_refuses_is_refused_with_its_words() {
    let world = World::of(&guest(guests::HOSTILE), [climb("a", 1), climb("b", 2)]).await;
    let refused = async |asked: Command| {
        let found = world.tell("Climber/c", 1, Do::Insert, std::slice::from_ref(&asked)).await;
        assert_eq!(
            lines(&found),
            [format!("+ {}: nothing → undecided", asked.id), "= b: 2 Climbed → 2 Climbed".into()]
        );
        assert_eq!(found.before, found.now);
        now(&found, &asked.id)["undecided"].as_str().unwrap().to_owned()
    };
    let unknown = refused(command("x", "Climber/c", "Fly", "{}")).await;
    assert_eq!(unknown, "Climber has no command \"Fly\"; it has Climb v1, Misbehave v1");
    let version = refused(Command { version: Some(7), ..climb("x", 1) }).await;
    assert!(version.starts_with("Climber has no command \"Climb\" version 7"), "{version}");
    let malformed = refused(command("x", "Climber/c", "Climb", r#"{"by":"much"}"#)).await;
    assert!(malformed.contains("does not decode"), "{malformed}");
    let conflict = refused(Command { expected_version: Some(9), ..climb("x", 1) }).await;
    assert_eq!(conflict, "the stream is at version 1, not at 9 as expected");
    let large = refused(command("x", "Climber/c", "Climb", &"x".repeat(2 << 20))).await;
    assert_eq!(large, "payload and metadata have 2097152 bytes, the limit `engine.payload_bytes` is 1048576");
    assert!(refused(Command { actor: Some(String::new()), ..climb("x", 1) }).await.starts_with("`actor` must have"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expected_version_that_holds_is_no_hindrance() {
    let world = World::of(&guest(guests::HOSTILE), [climb("a", 1)]).await;
    let asked = Command { expected_version: Some(1), ..climb("x", 1) };
    let found = world.tell("Climber/c", 1, Do::Insert, &[asked]).await;
    assert_eq!(lines(&found), ["+ x: nothing → 2 Climbed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_command_that_expected_a_version_is_refused_on_another() {
    let expecting = |id: &str, version| Command { expected_version: Some(version), ..climb(id, 1) };
    let named = Command { version: Some(1), ..expecting("c", 2) };
    let world = World::of(&guest(guests::HOSTILE), [climb("a", 1), expecting("b", 1), named, climb("d", 1)]).await;
    let found = world.tell("Climber/c", "a", Do::Drop, &[]).await;
    assert_eq!(lines(&found)[3], "= d: 4 Climbed → 1 Climbed");
    for (id, expected) in [("b", 1), ("c", 2)] {
        let refused = now(&found, id);
        let refused = refused["undecided"].as_str().unwrap();
        assert_eq!(refused, format!("the stream is at version 0, not at {expected} as expected"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_traps_leaves_the_timeline_as_it_was() {
    let world = World::of(&guest(guests::HOSTILE), [climb("a", 1), climb("b", 2)]).await;
    for how in ["Panic", "Loop", "Allocate", "Recurse", "RejectWithoutCode"] {
        let asked = command("x", "Climber/c", "Misbehave", &format!(r#"{{"how":"{how}"}}"#));
        let found = world.tell("Climber/c", 1, Do::Insert, &[asked]).await;
        assert_eq!(lines(&found), ["+ x: nothing → fault", "= b: 2 Climbed → 2 Climbed"], "{how}");
        assert_eq!(found.before, found.now, "{how}");
        assert_eq!(found.divergence.events, tally(1, 0, 0, 0));
    }
}

/// A height is at most 255: the guest decides to climb, and traps when it folds its own event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_its_guest_cannot_fold_does_not_happen() {
    let world = World::of(&guest(guests::HOSTILE), [climb("a", 100), climb("b", 100), climb("c", 50)]).await;
    let found = world.tell("Climber/c", 1, Do::Insert, &[climb("x", 100)]).await;
    // 100 + 100, + 100 is too much, + 50 is not.
    assert_eq!(lines(&found), ["+ x: nothing → 2 Climbed", "~ b: 2 Climbed → fault", "= c: 3 Climbed → 3 Climbed",]);
    assert_eq!(now(&found, "b")["in"], "combine");
    assert_eq!(ends(&found).map(|state| state["height"].as_u64()), [Some(250), Some(250)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_traps_in_the_middle_decides_the_rest() {
    let good = shifty("1.0.0", "good");
    let world = World::of(&good, [add("a", 1), add("b", 13), add("c", 2)]).await;
    let trap = shifty("1.0.1", "trap-on-13");
    let found = world.tell_with(&trap, "Tally/t", 0, Do::Insert, &[]).await;
    assert_eq!(lines(&found), ["= a: 1 Added → 1 Added", "~ b: 2 Added → fault", "= c: 3 Added → 2 Added"]);
    assert_eq!(found.divergence.events, tally(2, 0, 0, 1));
    // 1 + 13 + 2, and 1 + 2.
    assert_eq!(ends(&found).map(|state| state["total"].as_u64()), [Some(16), Some(3)]);
}

/// It folds nine events and no tenth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_cannot_fold_what_was_recorded_decides_nothing() {
    let good = shifty("1.0.0", "good");
    let world = World::of(&good, (1..=12).map(|n| add(&format!("a{n}"), 1))).await;
    let trap = shifty("1.0.1", "trap-late");
    // It decides from the ninth on: the ninth it can fold.
    let found = world.tell_with(&trap, "Tally/t", 8, Do::Insert, &[]).await;
    assert_eq!(
        lines(&found),
        ["= a9: 9 Added → 9 Added", "~ a10: 10 Added → fault", "~ a11: 11 Added → fault", "~ a12: 12 Added → fault",]
    );
    assert_eq!(found.now.version, 9);
    // It is asked after the tenth, which it cannot fold.
    let found = world.tell_with(&trap, "Tally/t", 11, Do::Insert, &[]).await;
    assert_eq!(lines(&found), ["~ a12: 12 Added → fault"]);
    assert_eq!(found.now.version, 11);
    let why = found.now.state.unwrap_err();
    assert!(why.contains("shifty@1.0.1 faulted in combine"), "{why}");
}
