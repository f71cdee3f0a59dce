//! One id, one decision, for ever.

use cantus_tests::{guests, host, store_suite::given};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stored_outcome_is_the_answer() {
    let store = faulty();
    let world = World::on(store.clone(), guests::COUNTER, host::settings()).await;
    let first = world.ask(increment("a")).await.unwrap();
    assert_eq!(rejected(world.ask(host::command("no", "Counter/empty", "Decrement", "{}")).await), "at-zero");
    accepted(world.ask(increment("b")).await);
    let again = duplicate(world.ask(increment("a")).await);
    assert_eq!(again, DurableOutcome { duplicate: true, ..first.clone() });
    world.engine.shutdown().await;

    // A host that was started anew, with other plugins.
    let other = World::on(store, guests::ROGUE, host::settings()).await;
    assert_eq!(duplicate(other.ask(increment("a")).await), again, "its plugin is gone, its outcome is not");
    let no = duplicate(other.ask(host::command("no", "Counter/empty", "Decrement", "{}")).await);
    assert!(matches!(no.outcome, Outcome::Rejected(_)));
    assert_eq!(
        refused(other.ask(increment("new")).await),
        r#"unknown-aggregate: no plugin hosts the aggregate "Counter"; there are Rogue"#
    );
    other.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stored_outcome_outlives_that_the_command_would_fail_now() {
    let world = World::of(guests::HOSTILE).await;
    let climb = |id: &str, by: u8| host::command(id, "Climber/a", "Climb", &format!(r#"{{"by": {by}}}"#));
    accepted(world.ask(climb("high", 200)).await);
    assert_eq!(world.ask(climb("higher", 200)).await.unwrap_err().code(), "fault");
    assert_eq!(duplicate(world.ask(climb("high", 200)).await).version, 1, "now it would overflow");
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_request_under_the_same_id_is_refused() {
    let world = World::of(guests::COUNTER).await;
    accepted(world.ask(increment("a")).await);
    let text = "id-reused: this id was used before, for another request: give each command an id of its own";
    for other in [
        decrement("a"),
        host::command("a", "Counter/another", "Increment", "{}"),
        host::command("a", "Counter/c", "Increment", "{ }"),
        host::command("a", "Counter/c", "Explode", "{}"),
        host::command("a", "Nothing/c", "Increment", "{}"),
        Command { version: Some(1), ..increment("a") },
        Command { expected_version: Some(7), ..increment("a") },
    ] {
        assert_eq!(refused(world.ask(other).await), text);
    }
    // Who asks, and how it travelled, may differ when a caller tries again.
    let retried = Command { actor: Some("Ada".into()), metadata: vec![("try".into(), "2".into())], ..increment("a") };
    duplicate(world.ask(retried).await);
    assert_eq!(accepted(world.ask(increment("b")).await), 2, "what was speculated on the other requests is gone");
    world.engine.shutdown().await;
}

/// A command that fails is not recorded: its id is still free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_command_may_be_sent_again_mended() {
    let world = World::of(guests::COUNTER).await;
    assert!(
        refused(world.ask(host::command("a", "Counter/c", "Increment", "no JSON")).await).starts_with("malformed: ")
    );
    assert_eq!(accepted(world.ask(increment("a")).await), 1);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_says_everything_about_the_decision() {
    let world = World::of(guests::COUNTER).await;
    accepted(world.ask(increment("first")).await);
    let command = Command {
        actor: Some("Ada".into()),
        correlation_id: Some("cause".into()),
        causation_id: Some("before".into()),
        metadata: vec![("b".into(), "1".into()), ("a".into(), "2".into())],
        ..increment("second")
    };
    accepted(world.ask(command.clone()).await);
    let record = world.store.command("second").await.unwrap().unwrap();
    assert_eq!((record.base_version, record.version(), record.first_offset), (1, 2, Some(1)));
    assert_eq!((record.command.version, record.component), (1, component(guests::COUNTER).digest()));
    assert_eq!(record.request_hash, command.request_hash());
    let context = record.context;
    assert_eq!((context.command_id.as_str(), context.now, context.seed), ("second", host::NOW, command.seed()));
    assert_eq!((context.actor, context.correlation_id.as_str()), (command.actor, "cause"));
    assert_eq!((context.causation_id, context.metadata), (command.causation_id, command.metadata));
    let first = world.store.command("first").await.unwrap().unwrap();
    assert_eq!(first.context.correlation_id, "first", "a first cause is its own correlation");
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_several_events_or_none_are_one_decision() {
    let world = World::of(guests::HOSTILE).await;
    let many = |id: &str, size: usize| {
        let payload = format!(r#"{{"how": "ManyEvents", "size": {size}}}"#);
        host::command(id, "Climber/a", "Misbehave", &payload)
    };
    let sizes = [3, 0, 1, 0, 100];
    let pending: Vec<_> = sizes.iter().enumerate().map(|(n, size)| world.submit(many(&n.to_string(), *size))).collect();
    let (mut version, mut offset) = (0, 0);
    for (size, pending) in sizes.into_iter().zip(pending) {
        let decided = pending.await.unwrap();
        version += size as u64;
        assert_eq!(decided.outcome, Outcome::Accepted { events: size as u32 });
        assert_eq!((decided.version, decided.first_offset), (version, (size > 0).then_some(offset)));
        offset += size as u64;
    }
    given::assert_whole(&(world.store.clone() as given::Subject)).await;
    world.engine.shutdown().await;
}

/// A file that is fed a second time: the aggregates are not hydrated again for each command in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_commands_cost_no_hydration_each() {
    let world = World::of(guests::HOSTILE).await;
    let climb = |n: u64| host::command(&n.to_string(), &format!("Climber/{}", n % 10), "Climb", r#"{"by": 1}"#);
    for n in 0..200 {
        accepted(world.ask(climb(n)).await);
    }
    let before = world.store.seen().reads.len();
    let again: Vec<_> = (0..200).map(|n| world.submit(climb(n))).collect();
    for (n, answer) in (0..).zip(again) {
        assert_eq!(duplicate(answer.await).version, n / 10 + 1);
    }
    let hydrated = world.store.seen().reads.len() - before;
    assert!(hydrated <= 20, "{hydrated} times for 10 aggregates");
    world.engine.shutdown().await;
}

/// The shard asks the store first for some commands and not for others; their order stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_and_new_commands_keep_their_order() {
    let world = World::of(guests::HOSTILE).await;
    let climb = |n: u64| host::command(&n.to_string(), &format!("Climber/{}", n % 3), "Climb", r#"{"by": 1}"#);
    for n in 0..30 {
        accepted(world.ask(climb(n)).await);
    }
    let mut expected = [10_u64; 3];
    for round in 0..4 {
        let known = (0..30).map(|n| (n, world.submit(climb(n))));
        let new = (0..30).map(|n| 30 + round * 30 + n).map(|n| (n, world.submit(climb(n))));
        for (n, answer) in known.chain(new).collect::<Vec<_>>() {
            let version = &mut expected[n as usize % 3];
            match n < 30 {
                true => assert_eq!(duplicate(answer.await).version, n / 3 + 1),
                false => {
                    *version += 1;
                    assert_eq!(accepted(answer.await), *version);
                }
            }
        }
    }
    world.engine.shutdown().await;
}
