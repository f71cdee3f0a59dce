//! A host that is broken off, or a store that fails, in the middle of an activation: registry and log agree afterwards.

use std::sync::Arc;

use cantus_engine::registry::FileState;
use cantus_model::{ActivationCause, ports::StoreError};
use cantus_tests::faulty::{FaultyStore, OnAppend, faulty};

use super::{accepted, by, fixture::Fixture, shifty, undecided};

fn lost() -> StoreError {
    StoreError::Transient("the connection is lost".into())
}

fn faults() -> [(&'static str, OnAppend); 2] {
    [("before", OnAppend::Fail(lost())), ("after", OnAppend::LoseReply(lost()))]
}

fn place() -> (Fixture, Arc<FaultyStore>) {
    let store = faulty();
    (Fixture::on(tempfile::tempdir().unwrap(), store.clone()), store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activation_that_failed_is_made_up_for_once() {
    for (when, fault) in faults() {
        let (fixture, store) = place();
        fixture.put("a.wasm", &shifty("1.0.0", "good"));
        let host = fixture.open().await;
        accepted(host.add("1", "Tally/a", 1).await);
        store.on_appends([fault]);
        let next = fixture.put("a.wasm", &shifty("1.1.0", "good"));
        host.trouble("the connection is lost").await;
        host.file("a.wasm", FileState::Active).await;
        host.status("a.wasm", |status| status.digest == Some(next) && status.state == FileState::Active).await;
        assert_eq!(by(host.add("2", "Tally/a", 1).await), next, "{when}");
        host.looked().await;
        assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"], "{when}");
        assert_eq!(fixture.activations().await[1].who, "a.wasm");
        host.stop().await;
        let host = fixture.open().await;
        assert_eq!(by(host.add("3", "Tally/a", 1).await), next, "{when}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_failed_is_made_up_for_once() {
    for (when, fault) in faults() {
        let (fixture, store) = place();
        fixture.put("a.wasm", &shifty("1.0.0", "good"));
        let host = fixture.open().await;
        store.on_appends([fault]);
        fixture.remove("a.wasm");
        host.trouble("the connection is lost").await;
        host.changed(ActivationCause::Removed, None).await;
        assert!(undecided(host.add("1", "Tally/a", 1).await).starts_with("unknown-aggregate"), "{when}");
        host.looked().await;
        host.stop().await;
        assert_eq!(fixture.log().await, ["dropped 1.0.0", "removed -"], "{when}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_back_that_failed_is_made_up_for_once() {
    for (when, fault) in faults() {
        let (mut fixture, store) = place();
        fixture.registry.watch_faults = 1;
        let good = fixture.put("a.wasm", &shifty("1.0.0", "good"));
        let host = fixture.open().await;
        fixture.put("b.wasm", &shifty("1.1.0", "trap-on-13"));
        host.file("b.wasm", FileState::Active).await;
        store.on_appends([fault]);
        assert!(undecided(host.add("1", "Tally/a", 13).await).starts_with("fault"));
        host.trouble("the connection is lost").await;
        host.changed(ActivationCause::Faulted, Some(good)).await;
        host.file("b.wasm", FileState::RolledBack).await;
        assert_eq!(by(host.add("1", "Tally/a", 13).await), good, "{when}");
        host.looked().await;
        host.stop().await;
        assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0", "faulted 1.0.0"], "{when}");
    }
}

/// The host ends between what is written and what is done about it: the next one begins where the log stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_ended_after_the_append_begins_with_it() {
    for (when, fault) in faults() {
        let (fixture, store) = place();
        let first = fixture.put("a.wasm", &shifty("1.0.0", "good"));
        fixture.open().await.stop().await;
        let second = fixture.put("a.wasm", &shifty("1.1.0", "good"));
        store.on_appends([fault]);
        let (registry, activator) = (fixture.registry.clone(), fixture.activator());
        let broken_off = cantus_engine::registry::Registry::open(registry, activator, |_| {}).await;
        assert_eq!(broken_off.err(), Some(lost()));
        let current = fixture.activator().state().await.unwrap().history("shifty").unwrap().current;
        assert_eq!(current, Some(if when == "before" { first } else { second }));
        let host = fixture.open().await;
        assert_eq!(by(host.add("1", "Tally/a", 1).await), second);
        host.stop().await;
        assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"], "{when}");
    }
}
