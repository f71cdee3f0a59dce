//! A plugin goes with its last file, and comes back with one.

use std::fs;

use cantus_engine::registry::{ActivationChange, FileState};
use cantus_model::{ActivationCause, AggregateRef, EventQuery};
use cantus_replay::fold;

use super::{accepted, by, component, place::Place, shifty, undecided};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_without_a_file_decides_nothing_and_its_history_stays() {
    let place = Place::sqlite().await;
    let digest = place.put("a.wasm", &shifty("1.0.0", "good"));
    let host = place.open().await;
    assert_eq!(accepted(host.add("1", "Tally/a", 2).await), 1);
    place.remove("a.wasm");
    let gone = host.changed(ActivationCause::Removed, None).await;
    assert_eq!((gone.from, gone.who.as_str()), (Some(digest), "a.wasm"));
    let unknown = "unknown-aggregate: no plugin hosts the aggregate \"Tally\"; no plugin is live";
    assert_eq!(undecided(host.add("2", "Tally/a", 2).await), unknown);
    let repeated = host.add("1", "Tally/a", 2).await.unwrap();
    assert!(repeated.duplicate, "what was decided stays decided");

    let events = place.store.read_events(&EventQuery { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!(events.len(), 1);
    let tally = AggregateRef::new("Tally", "a");
    let folded = fold(&*place.store, component("1.0.0", "good"), &tally, None).await.unwrap();
    assert_eq!(String::from_utf8(folded.state).unwrap(), r#"{"events":1,"total":2}"#);

    place.put("a.wasm", &shifty("1.0.0", "good"));
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(accepted(host.add("2", "Tally/a", 2).await), 2);
    host.stop().await;
    assert_eq!(place.log().await, ["dropped 1.0.0", "removed -", "dropped 1.0.0"]);
}

/// A file that is missing at the start was not taken away from this host: a person ends the plugin, or a host that sees the
/// file go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_removed_while_no_host_ran_stays_live() {
    let place = Place::sqlite().await;
    let live = place.put("a.wasm", &shifty("1.0.0", "good"));
    place.open().await.stop().await;
    place.remove("a.wasm");
    let host = place.open().await;
    host.trouble("`cantus plugin deactivate shifty`").await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), live);
    let elsewhere = place.elsewhere().await;
    let mut log = elsewhere.log().await.unwrap();
    let change = ActivationChange {
        plugin: "shifty".into(),
        cause: ActivationCause::Removed,
        who: "me".into(),
        why: String::new(),
    };
    elsewhere.record(&mut log, change, None, None).await.unwrap();
    host.changed(ActivationCause::Removed, None).await;
    assert!(undecided(host.add("2", "Tally/a", 1).await).starts_with("unknown-aggregate"));
    host.stop().await;

    place.put("a.wasm", &shifty("1.0.0", "good"));
    let host = place.open().await;
    place.remove("a.wasm");
    host.changed(ActivationCause::Removed, None).await;
    host.stop().await;
    assert_eq!(place.log().await, ["dropped 1.0.0", "removed -", "dropped 1.0.0", "removed -"]);
}

/// Who replaces a file may remove it first, also where a lower version lies beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_may_be_gone_for_a_moment() {
    for beside in [false, true] {
        let mut place = Place::new();
        place.registry.removal_ms = 60_000;
        let live = place.put("b.wasm", &shifty("1.1.0", "good"));
        if beside {
            place.put("a.wasm", &shifty("1.0.0", "good"));
        }
        let host = place.open().await;
        place.remove("b.wasm");
        host.looked().await;
        assert_eq!(by(host.add("meanwhile", "Tally/a", 1).await), live, "{beside}");
        let next = place.put("b.wasm", &shifty("1.2.0", "good"));
        host.file("b.wasm", FileState::Active).await;
        assert_eq!(by(host.add("then", "Tally/a", 1).await), next);
        assert_eq!(place.log().await, ["dropped 1.1.0", "dropped 1.2.0"]);
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_name_is_not_another_plugin() {
    let place = Place::new();
    let live = place.put("a.wasm", &shifty("1.0.0", "good"));
    let host = place.open().await;
    for (from, to) in [("a.wasm", "b.wasm"), ("b.wasm", "a.wasm")] {
        fs::rename(place.path(from), place.path(to)).unwrap();
        host.files(&[to]).await;
        assert_eq!(host.file(to, FileState::Active).await.digest, Some(live));
        assert_eq!(by(host.add(to, "Tally/a", 1).await), live);
    }
    place.remove("a.wasm");
    host.changed(ActivationCause::Removed, None).await;
    assert_eq!(place.log().await, ["dropped 1.0.0", "removed -"]);
    host.stop().await;
}

/// Commands that wait in front of a plugin that goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_plugin_goes_and_the_other_goes_on() {
    let place = Place::new();
    place.put("a.wasm", &shifty("1.0.0", "good"));
    place.put("b.wasm", &cantus_tests::guests::shifty("second", "1.0.0", "other-aggregate"));
    let host = place.open().await;
    accepted(host.add("1", "Tally/a", 1).await);
    accepted(host.add("2", "Tally2/a", 1).await);
    place.remove("a.wasm");
    host.changed(ActivationCause::Removed, None).await;
    let unknown = "unknown-aggregate: no plugin hosts the aggregate \"Tally\"; there are Tally2";
    assert_eq!(undecided(host.add("3", "Tally/a", 1).await), unknown);
    assert_eq!(accepted(host.add("4", "Tally2/a", 1).await), 2);
    host.stop().await;
}
