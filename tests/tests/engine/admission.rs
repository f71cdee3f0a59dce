//! Admission: which commands the engine takes, and how it answers the others.

use cantus_model::CommandError;
use cantus_tests::{guests, host};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_request_hears_what_is_wrong_with_it() {
    let settings = EngineSettings { payload_bytes: 1_000, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    let named = |id: &str, aggregate: &str, name: &str| host::command(id, aggregate, name, "{}");
    let mut answers = Vec::new();
    for (what, command) in [
        ("unknown aggregate", named("1", "Planet/c", "Increment")),
        ("aggregate in another case", named("2", "counter/c", "Increment")),
        ("unknown command", named("3", "Counter/c", "Explode")),
        ("unknown version", Command { version: Some(2), ..increment("4") }),
        ("version zero", Command { version: Some(0), ..increment("5") }),
        ("empty payload", Command { payload: vec![], ..increment("6") }),
        ("no JSON", Command { payload: b"increment!".to_vec(), ..increment("7") }),
        ("another shape", Command { payload: b"7".to_vec(), ..increment("8") }),
        ("unknown field", Command { payload: br#"{"by": 2}"#.to_vec(), ..increment("9") }),
        ("no UTF-8", Command { payload: b"{\"\xff\": 1}".to_vec(), ..increment("10") }),
        ("over the limit", Command { payload: vec![b' '; 1_001], ..increment("11") }),
        ("10 MB", Command { payload: vec![b' '; 10_000_000], ..increment("12") }),
        ("metadata over the limit", Command { metadata: vec![("k".into(), "v".repeat(1_000))], ..increment("13") }),
        ("no id", increment("")),
        ("a long id", increment(&"i".repeat(513))),
        ("no aggregate id", named("14", "Counter/", "Increment")),
        ("an empty actor", Command { actor: Some(String::new()), ..increment("15") }),
        ("a line end in the id", increment("16\n17")),
        ("a NUL in the aggregate id", named("18", "Counter/c\0", "Increment")),
        ("an escape in the aggregate type", named("19", "\u{1b}[2J/c", "Increment")),
        ("a tab in the command", named("20", "Counter/c", "Incre\tment")),
        ("a C1 control in the actor", Command { actor: Some("me\u{9b}".into()), ..increment("21") }),
        ("DEL in the correlation id", Command { correlation_id: Some("\u{7f}".into()), ..increment("22") }),
        ("CR in the causation id", Command { causation_id: Some("é\r".into()), ..increment("23") }),
    ] {
        answers.push(format!("{what}\n  {}", refused(world.ask(command).await)));
    }
    insta::assert_snapshot!(answers.join("\n"));
    assert!(world.log().await.is_empty());
    assert_eq!(accepted(world.ask(increment("good")).await), 1);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_so_and_recovers() {
    let settings = EngineSettings { queue_commands: 10, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    let closed = world.store.hold().await;
    let pending: Vec<_> = (0..10).map(|n| world.submit(increment(&format!("{n}")))).collect();
    for n in 0..3 {
        let error = world.engine.submit(increment(&format!("over-{n}"))).unwrap_err();
        let CommandError::Overloaded { retry_after_ms } = error else { panic!("{error}") };
        assert!((1..10_000).contains(&retry_after_ms));
    }
    drop(closed);
    for (n, pending) in pending.into_iter().enumerate() {
        assert_eq!(accepted(pending.await), n as u64 + 1);
    }
    assert_eq!(accepted(world.ask(increment("over-0")).await), 11);
    world.engine.shutdown().await;
}

/// A caller who stops waiting changes nothing: the command is decided, and its permit is free again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_changes_nothing() {
    let settings = EngineSettings { queue_commands: 4, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    let closed = world.store.hold().await;
    let pending: Vec<_> = (0..4).map(|n| world.submit(increment(&format!("{n}")))).collect();
    drop(pending);
    drop(closed);
    let probe = loop {
        match world.engine.submit(increment("probe")) {
            Ok(pending) => break pending,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(accepted(probe.await), 5);
    world.engine.shutdown().await;
}

/// Far more aggregates than may stay in memory: each is hydrated when it is needed, and none is mixed up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregates_come_and_go() {
    let settings = EngineSettings { resident_aggregates: 3, concurrent_loads: 2, shards: 2, ..host::settings() };
    let world = World::on(faulty(), guests::COUNTER, settings).await;
    for round in 0..5_u64 {
        let to = |n: u64| host::command(&format!("{round}-{n}"), &format!("Counter/{n}"), "Increment", "{}");
        let pending: Vec<_> = (0..40).map(|n| world.submit(to(n))).collect();
        for pending in pending {
            assert_eq!(accepted(pending.await), round + 1);
        }
    }
    world.engine.shutdown().await;
    let last = r#"{"value":5}"#;
    assert_eq!(world.log().await.iter().filter(|line| line.ends_with(last)).count(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_keep_to_their_bounds() {
    let settings = EngineSettings { batch_commands: 7, batch_bytes: 1_000, ..host::settings() };
    let world = World::on(faulty(), guests::ROGUE, settings).await;
    let closed = world.store.hold().await;
    let small = |n: usize| host::command(&format!("s{n}"), "Rogue/a", "Do", "x");
    let large = |n: usize| host::command(&format!("l{n}"), "Rogue/a", "Do", &"x".repeat(400));
    let pending: Vec<_> = (0..20).map(small).chain((0..4).map(large)).map(|command| world.submit(command)).collect();
    drop(closed);
    for (n, pending) in pending.into_iter().enumerate() {
        assert_eq!(accepted(pending.await), n as u64 + 1);
    }
    let commits = world.store.seen().commits;
    assert!(commits.iter().all(|size| *size <= 7), "{commits:?}");
    // A large command takes 400 bytes, and its event as many: one fits a batch.
    assert_eq!(commits.iter().rev().take(3).copied().collect::<Vec<_>>(), [1, 1, 1]);
    world.engine.shutdown().await;
}

#[tokio::test]
async fn two_plugins_for_one_aggregate_do_not_start() {
    let two = [guests::COUNTER, guests::COUNTER].map(component).map(cantus_model::LiveComponent::new);
    let started = host::start_live(host::settings(), faulty(), &two, Arc::new(FixedClock(host::NOW))).await;
    let error = started.err().expect("it started");
    assert_eq!(
        error.to_string(),
        "the plugins counter and counter both host the aggregate Counter: remove one of them"
    );
}
