//! A name and a version mean the same bytes for ever, and of several versions the highest is live.

use std::fs;

use cantus_engine::registry::FileState;
use cantus_model::ActivationCause;

use super::{accepted, by, fixture::Fixture, shifty};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_again_change_nothing() {
    let fixture = Fixture::sqlite().await;
    let digest = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    host.looked().await;
    let told = host.told();
    for _ in 0..3 {
        fixture.put("a.wasm", &shifty("1.0.0", "good"));
        host.looked().await;
    }
    fs::write(fixture.path("a.wasm"), shifty("1.0.0", "good")).unwrap();
    fixture.put("copy.wasm", &shifty("1.0.0", "good"));
    assert_eq!(host.file("copy.wasm", FileState::Active).await.digest, Some(digest), "it is what is live");
    host.file("a.wasm", FileState::Active).await;
    host.stop().await;

    let host = fixture.open().await;
    assert_eq!(host.told(), [""; 0], "nor does a restart");
    host.looked().await;
    fixture.remove("a.wasm");
    host.files(&["copy.wasm"]).await;
    host.looked().await;
    accepted(host.add("still", "Tally/a", 1).await);
    host.stop().await;
    assert_eq!((told, fixture.log().await), (vec!["dropped: - → 1.0.0".to_owned()], vec!["dropped 1.0.0".to_owned()]));
}

/// Against the live one, against one that was live once, against one that lies in the folder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_bytes_under_the_same_version_are_refused() {
    let fixture = Fixture::new();
    let first = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let other = fixture.put("b.wasm", &shifty("1.0.0", "same-but-different"));
    let was_live = format!(
        "shifty 1.0.0 was live with other bytes ({}, this is {}): give a change a version of its own",
        first.short(),
        other.short()
    );
    assert_eq!(host.refused("b.wasm", other).await, was_live);
    fixture.put("a.wasm", &shifty("1.0.0", "same-but-different"));
    assert_eq!(host.refused("a.wasm", other).await, was_live, "in the place of the live one too");
    assert_eq!(by(host.add("1", "Tally/a", 1).await), first);
    fixture.remove("b.wasm");

    let second = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    host.changed(ActivationCause::Dropped, Some(second)).await;
    fixture.put("b.wasm", &shifty("1.0.0", "same-but-different"));
    assert_eq!(host.refused("b.wasm", other).await, was_live, "though it is no longer live");

    // Neither of these was ever live.
    fixture.put("c.wasm", &shifty("1.0.5", "good"));
    host.file("c.wasm", FileState::Superseded).await;
    let twin = fixture.put("d.wasm", &shifty("1.0.5", "same-but-different"));
    let told = "c.wasm is shifty 1.0.5 too, with other bytes: remove one of them";
    assert_eq!(host.refused("d.wasm", twin).await, told);
    fixture.remove("c.wasm");
    let reason = host.file("d.wasm", FileState::Superseded).await.reason;
    assert_eq!(reason.as_deref(), Some("shifty 1.1.0 is live"), "the advice was followed, so it is good now");
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_new_files_with_one_version_one_is_live() {
    let fixture = Fixture::new();
    let one = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    fixture.put("b.wasm", &shifty("1.0.0", "same-but-different"));
    let host = fixture.open().await;
    assert_eq!(host.file("a.wasm", FileState::Active).await.digest, Some(one), "the first by name");
    assert!(host.file("b.wasm", FileState::Refused).await.reason.unwrap().contains("shifty 1.0.0"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_highest_version_is_live_and_without_it_the_next_lower() {
    let fixture = Fixture::sqlite().await;
    let digests =
        ["1.9.0", "1.10.0", "1.2.0"].map(|version| fixture.put(&format!("{version}.wasm"), &shifty(version, "good")));
    let host = fixture.open().await;
    host.file("1.10.0.wasm", FileState::Active).await;
    for lower in ["1.9.0.wasm", "1.2.0.wasm"] {
        let reason = host.file(lower, FileState::Superseded).await.reason;
        assert_eq!(reason.as_deref(), Some("shifty 1.10.0 is live"));
    }
    assert_eq!(by(host.add("1", "Tally/a", 1).await), digests[1]);

    fixture.remove("1.10.0.wasm");
    host.file("1.9.0.wasm", FileState::Active).await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), digests[0]);
    let reason = host.file("1.2.0.wasm", FileState::Superseded).await.reason;
    assert_eq!(reason.as_deref(), Some("shifty 1.9.0 is live"));

    fixture.put("1.10.0.wasm", &shifty("1.10.0", "good"));
    host.file("1.10.0.wasm", FileState::Active).await;
    host.stop().await;
    let host = fixture.open().await;
    assert_eq!(host.told(), [""; 0]);
    assert_eq!(by(host.add("3", "Tally/a", 1).await), digests[1]);
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.10.0", "dropped 1.9.0", "dropped 1.10.0"]);
}

/// The file beside it holds a lower version: the new file of the higher one does not replace it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_in_the_place_of_the_higher_one_is_no_reason_to_go_back() {
    let fixture = Fixture::sqlite().await;
    fixture.put("old.wasm", &shifty("1.0.0", "good"));
    let live = fixture.put("new.wasm", &shifty("1.1.0", "good"));
    let host = fixture.open().await;
    let next = shifty("1.2.0", "good");
    let half = fixture.put("new.wasm", &next[..next.len() / 2]);
    host.refused("new.wasm", half).await;
    host.looked().await;
    assert_eq!(by(host.add("meanwhile", "Tally/a", 1).await), live);
    host.stop().await;
    let host = fixture.open().await;
    host.looked().await;
    assert_eq!(by(host.add("after a restart", "Tally/a", 1).await), live);
    let next = fixture.put("new.wasm", &next);
    host.file("new.wasm", FileState::Active).await;
    assert_eq!(by(host.add("then", "Tally/a", 1).await), next);
    assert_eq!(fixture.log().await, ["dropped 1.1.0", "dropped 1.2.0"]);
    host.stop().await;
}

/// A file in the place of the live one that holds a lower version is a wish.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lower_version_in_the_place_of_the_live_one_goes_live() {
    let fixture = Fixture::new();
    fixture.put("a.wasm", &shifty("1.1.0", "good"));
    let host = fixture.open().await;
    let lower = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    host.changed(ActivationCause::Dropped, Some(lower)).await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), lower);
    assert_eq!(fixture.log().await, ["dropped 1.1.0", "dropped 1.0.0"]);
    host.stop().await;
}
