//! A plugin goes with its last file, and comes back with one.

use std::fs;

use cantus_engine::registry::{ActivationChange, FileState};
use cantus_model::{ActivationCause, AggregateRef, EventQuery};
use cantus_replay::fold;

use super::{accepted, by, component, fixture::Fixture, shifty, undecided};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_without_a_file_decides_nothing_and_its_history_stays() {
    let fixture = Fixture::sqlite().await;
    let digest = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    assert_eq!(accepted(host.add("1", "Tally/a", 2).await), 1);
    fixture.remove("a.wasm");
    let gone = host.changed(ActivationCause::Removed, None).await;
    assert_eq!((gone.from, gone.who.as_str()), (Some(digest), "a.wasm"));
    let unknown = "unknown-aggregate: no plugin hosts the aggregate \"Tally\"; no plugin is live";
    assert_eq!(undecided(host.add("2", "Tally/a", 2).await), unknown);
    let repeated = host.add("1", "Tally/a", 2).await.unwrap();
    assert!(repeated.duplicate, "what was decided stays decided");

    let events = fixture.store.read_events(&EventQuery { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!(events.len(), 1);
    let tally = AggregateRef::new("Tally", "a");
    let folded = fold(&*fixture.store, component("1.0.0", "good"), &tally, None).await.unwrap();
    assert_eq!(String::from_utf8(folded.state).unwrap(), r#"{"events":1,"total":2}"#);

    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(accepted(host.add("2", "Tally/a", 2).await), 2);
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "removed -", "dropped 1.0.0"]);
}

/// A file that is missing at the start was not taken away from this host: a person ends the plugin, or a host that sees the
/// file go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_removed_while_no_host_ran_stays_live() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    fixture.open().await.stop().await;
    fixture.remove("a.wasm");
    let host = fixture.open().await;
    host.trouble("`cantus plugin deactivate shifty`").await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), live);
    let elsewhere = fixture.elsewhere().await;
    let mut log = elsewhere.state().await.unwrap();
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

    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    fixture.remove("a.wasm");
    host.changed(ActivationCause::Removed, None).await;
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "removed -", "dropped 1.0.0", "removed -"]);
}

/// A file may be removed before its replacement comes, also where a lower version lies beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_may_be_gone_for_a_moment() {
    for beside in [false, true] {
        let mut fixture = Fixture::new();
        fixture.registry.removal_ms = 60_000;
        let live = fixture.put("b.wasm", &shifty("1.1.0", "good"));
        if beside {
            fixture.put("a.wasm", &shifty("1.0.0", "good"));
        }
        let host = fixture.open().await;
        fixture.remove("b.wasm");
        host.looked().await;
        assert_eq!(by(host.add("meanwhile", "Tally/a", 1).await), live, "{beside}");
        let next = fixture.put("b.wasm", &shifty("1.2.0", "good"));
        host.file("b.wasm", FileState::Active).await;
        assert_eq!(by(host.add("then", "Tally/a", 1).await), next);
        assert_eq!(fixture.log().await, ["dropped 1.1.0", "dropped 1.2.0"]);
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_name_is_not_another_plugin() {
    let fixture = Fixture::new();
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for (from, to) in [("a.wasm", "b.wasm"), ("b.wasm", "a.wasm")] {
        fs::rename(fixture.path(from), fixture.path(to)).unwrap();
        host.files(&[to]).await;
        assert_eq!(host.file(to, FileState::Active).await.digest, Some(live));
        assert_eq!(by(host.add(to, "Tally/a", 1).await), live);
    }
    fixture.remove("a.wasm");
    host.changed(ActivationCause::Removed, None).await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "removed -"]);
    host.stop().await;
}

/// Commands that wait in front of a plugin that goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_plugin_goes_and_the_other_goes_on() {
    let fixture = Fixture::new();
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    fixture.put("b.wasm", &cantus_tests::guests::shifty("second", "1.0.0", "other-aggregate"));
    let host = fixture.open().await;
    accepted(host.add("1", "Tally/a", 1).await);
    accepted(host.add("2", "Tally2/a", 1).await);
    fixture.remove("a.wasm");
    host.changed(ActivationCause::Removed, None).await;
    let unknown = "unknown-aggregate: no plugin hosts the aggregate \"Tally\"; there are Tally2";
    assert_eq!(undecided(host.add("3", "Tally/a", 1).await), unknown);
    assert_eq!(accepted(host.add("4", "Tally2/a", 1).await), 2);
    host.stop().await;
}
