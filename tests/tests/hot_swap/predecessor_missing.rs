//! The predecessor of a candidate is gone from the component store: its version and its declarations are known, and
//! nothing goes live that was not compared.

use std::fs;

use cantus_engine::registry::FileState;
use cantus_model::Digest;

use super::{accepted, by, fixture::Fixture, shifty, undecided};

/// Version 1.0.0 has decided three commands, and its bytes are gone.
async fn without_its_bytes() -> (Fixture, Digest) {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..3 {
        accepted(host.add(&format!("{n}"), "Tally/a", 5).await);
    }
    host.stop().await;
    fs::remove_file(fixture.component_path(live)).unwrap();
    (fixture, live)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_is_refused_when_its_predecessor_cannot_be_run() {
    for mode in ["limit-10", "good"] {
        let (fixture, live) = without_its_bytes().await;
        let patch = fixture.put("a.wasm", &shifty("1.0.1", mode));
        let host = fixture.open().await;
        let reason = host.refused("a.wasm", patch).await;
        assert!(reason.contains("shifty 1.0.0, which it must be compared with, cannot be run"), "{reason}");
        assert!(reason.contains(&live.to_string()) && reason.contains("plugin activate"), "{reason}");
        assert!(undecided(host.add("after", "Tally/a", 5).await).starts_with("unknown-aggregate"));
        host.stop().await;
        assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
    }
}

/// A minor version may decide otherwise, and is refused all the same; and what it takes away is told as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_and_declarations_are_those_of_the_record() {
    let (fixture, _) = without_its_bytes().await;
    let minor = fixture.put("a.wasm", &shifty("1.1.0", "no-reset"));
    let host = fixture.open().await;
    let reason = host.refused("a.wasm", minor).await;
    assert!(reason.contains("it no longer has command Tally.Reset v1: that takes a new major version"), "{reason}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_its_file_is_back_the_patch_is_judged_again() {
    let (fixture, live) = without_its_bytes().await;
    let patch = fixture.put("b.wasm", &shifty("1.0.1", "same-but-different"));
    fixture.remove("a.wasm");
    let host = fixture.open().await;
    host.refused("b.wasm", patch).await;
    assert_eq!(fixture.put("a.wasm", &shifty("1.0.0", "good")), live);
    host.file("b.wasm", FileState::Active).await;
    assert_eq!(by(host.add("after", "Tally/a", 5).await), patch);
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.0.0", "dropped 1.0.1"]);
}

/// Its bytes are there, and this host does not take them: that is told once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_predecessor_that_does_not_load_is_as_good_as_missing() {
    let fixture = Fixture::sqlite().await;
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    accepted(host.add("1", "Tally/a", 5).await);
    host.stop().await;
    let patch = fixture.put("a.wasm", &shifty("1.0.1", "good"));
    let mut loads = 0;
    fixture.source.listen(move |call| {
        loads += u32::from(call == "load");
        // The live one, the patch, and the live one to compare it with.
        match (call, loads) {
            ("load", 2) | ("scan" | "read" | "validate" | "waiver" | "put_component" | "get_component", _) => Ok(()),
            _ => Err(cantus_model::ports::Refused("not with this host".into())),
        }
    });
    let host = fixture.open().await;
    let reason = host.refused("a.wasm", patch).await;
    assert!(reason.contains("cannot be run: not with this host"), "{reason}");
    host.looked().await;
    assert_eq!(host.told().iter().filter(|told| told.starts_with("refused")).count(), 1, "{:?}", host.told());
    host.stop().await;
}

/// Nothing was decided, so there is nothing to compare.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_history_nothing_has_to_be_run() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    fixture.open().await.stop().await;
    fs::remove_file(fixture.component_path(live)).unwrap();
    let patch = fixture.put("a.wasm", &shifty("1.0.1", "good"));
    let host = fixture.open().await;
    assert_eq!(by(host.add("1", "Tally/a", 5).await), patch);
    host.stop().await;
}
