//! Two hosts on one store: the second takes over, and records only what it has seen itself.

use cantus_engine::{Ownership, registry::FileState};
use cantus_model::ActivationCause;

use super::{accepted, by, fixture::Fixture, shifty};

/// It was started with another folder of plugins, by mistake perhaps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_host_with_an_empty_folder_removes_nothing() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let first = fixture.open().await;
    accepted(first.add("1", "Tally/a", 1).await);
    let beside = fixture.beside().await;
    let second = beside.open().await;
    for _ in 0..3 {
        second.looked().await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(2 * beside.registry.removal_ms)).await;
    second.looked().await;
    assert_eq!(by(second.add("2", "Tally/a", 1).await), live);
    assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
    second.trouble("shifty 1.0.0 stays live although its file a.wasm is not in the folder").await;

    // What the second one makes live is not followed by the one that it has replaced.
    let next = beside.put("b.wasm", &shifty("1.1.0", "good"));
    second.file("b.wasm", FileState::Active).await;
    assert_eq!(by(second.add("3", "Tally/a", 1).await), next);
    first.trouble("another host took over").await;
    assert!(!first.told().iter().any(|told| told.contains("1.1.0")), "{:?}", first.told());
    first.ended().await;
    second.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_was_replaced_records_nothing_and_its_registry_ends() {
    let fixture = Fixture::sqlite().await;
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    Ownership::claim(fixture.store.clone(), &*fixture.store).await.unwrap();
    fixture.put("a.wasm", &shifty("1.1.0", "good"));
    host.trouble("the folder of plugins and activations are not followed any more").await;
    let troubles = host.told().iter().filter(|told| told.starts_with("trouble")).count();
    assert_eq!(troubles, 1, "it is told once: {:?}", host.told());
    host.ended().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
}

/// The folder of the second one holds only what is older than what is live.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_file_does_not_replace_what_is_live_at_a_start() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    fixture.open().await.stop().await;
    let beside = fixture.beside().await;
    for (fixture, name) in [(&beside, "old.wasm"), (&beside, "a.wasm"), (&fixture, "a.wasm")] {
        fixture.put(name, &shifty("1.0.0", "good"));
        let host = fixture.open().await;
        let reason = host.file(name, FileState::Superseded).await.reason.unwrap();
        assert_eq!(
            reason,
            "shifty 1.1.0 is live, and its file is not in the folder: `cantus plugin activate shifty@1.0.0` makes this one live"
        );
        host.looked().await;
        // It was not what is live, so that does not go with it.
        fixture.remove(name);
        host.files(&[]).await;
        tokio::time::sleep(std::time::Duration::from_millis(2 * fixture.registry.removal_ms)).await;
        host.looked().await;
        assert_eq!(by(host.engine.execute(super::add(name, "Tally/a", 1)).await), live);
        host.stop().await;
    }
    assert_eq!(fixture.log().await, ["dropped 1.1.0"]);
}

/// Another plugin cannot take over its aggregates by lying there; a person can have that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_live_without_a_file_keeps_its_aggregates() {
    let fixture = Fixture::sqlite().await;
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    fixture.open().await.stop().await;
    fixture.remove("a.wasm");
    let other = fixture.put("b.wasm", &cantus_tests::guests::shifty("other", "1.0.0", "good"));
    let host = fixture.open().await;
    let reason = host.refused("b.wasm", other).await;
    assert_eq!(
        reason,
        "the plugins shifty and other both host the aggregate Tally: `cantus plugin deactivate shifty` ends the one whose \
         file is not in the folder"
    );
    host.stop().await;
}

/// Nothing can be loaded, and an older file is no reason to forget that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_file_does_not_replace_what_cannot_be_loaded() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    fixture.open().await.stop().await;
    std::fs::remove_file(fixture.component_path(live)).unwrap();
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let reason = host.file("a.wasm", FileState::Superseded).await.reason.unwrap();
    assert_eq!(
        reason,
        "shifty 1.1.0 should be live, and its component cannot be loaded: `cantus plugin activate shifty@1.0.0` makes this one live"
    );
    fixture.put("b.wasm", &shifty("1.1.0", "good"));
    assert_eq!(host.changed(ActivationCause::Dropped, Some(live)).await.from, Some(live));
    host.stop().await;
}
