//! Decisions of both guests: events, rejections, commands that they do not know.

use cantus_model::{CommandError, EventQuery};
use cantus_tests::host;

use super::{Guest, JAVASCRIPT, PYTHON, World};

async fn decides(guest: &'static Guest, too_much: &str) {
    let world = World::of(guest).await;
    assert_eq!(world.add("1", "a", 60).await, Ok(1));
    assert_eq!(world.add("2", "a", 41).await, Err(too_much.into()));
    assert_eq!(world.add("3", "b", 41).await, Ok(1), "its neighbour is another");
    assert_eq!(world.add("4", "a", 40).await, Ok(2));
    let unknown = world.ask("5", "a", "Subtract", "{}").await.unwrap_err();
    assert!(matches!(unknown, CommandError::UnknownCommand { .. }), "{unknown:?}");
    world.engine.shutdown().await;

    let again = World::on(guest, world.store).await;
    assert_eq!(again.add("6", "a", 1).await, Err(too_much.into()), "its state was folded from its events");
    let query = EventQuery { limit: 9, ..Default::default() };
    let events = again.store.read_events(&query).await.unwrap();
    let payloads: Vec<_> = events.iter().map(|it| String::from_utf8_lossy(&it.event.payload)).collect();
    assert_eq!(payloads, [60, 41, 40].map(|amount| format!(r#"{{"amount":{amount}}}"#)));
    again.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_decides_and_folds() {
    decides(&JAVASCRIPT, "full").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_decides_and_folds() {
    decides(&PYTHON, "limit").await;
}

/// Dates of JavaScript count milliseconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_of_both_is_the_context() {
    for (guest, command, now) in [(&*JAVASCRIPT, "AddNow", host::NOW.0 / 1_000), (&*PYTHON, "PostNow", host::NOW.0)] {
        let world = World::of(guest).await;
        world.ask("now", "a", command, "{}").await.unwrap();
        let events = world.store.read_events(&EventQuery { limit: 1, ..Default::default() }).await.unwrap();
        let payload = String::from_utf8_lossy(&events[0].event.payload).into_owned();
        assert_eq!(payload, format!(r#"{{"amount":{now}}}"#));
        world.engine.shutdown().await;
    }
}
