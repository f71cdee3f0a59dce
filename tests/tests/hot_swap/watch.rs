//! The watch after a swap: what faults too often goes by itself, and does not come back by lying there.

use cantus_engine::registry::{FileState, RegistryNotice};
use cantus_model::{ActivationCause, Answer, CommandError, Digest};
use cantus_tests::guests;

use super::{
    accepted, by, component,
    excluded_versions::decide,
    fixture::{Fixture, Host},
    shifty,
};

fn fault(answer: Answer) -> Digest {
    match answer {
        Err(CommandError::Fault(fault)) => fault.component,
        answer => panic!("{answer:?}"),
    }
}

/// The good one is live, then the one that traps on 13; three faults are too many.
async fn watched(mut fixture: Fixture) -> (Fixture, Host, [Digest; 2]) {
    fixture.registry.watch_faults = 3;
    let good = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    accepted(host.add("history", "Tally/a", 1).await);
    let bad = fixture.put("b.wasm", &shifty("1.1.0", "trap-on-13"));
    host.file("b.wasm", FileState::Active).await;
    (fixture, host, [good, bad])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_faults_bring_the_one_before_back() {
    let (fixture, host, [good, bad]) = watched(Fixture::sqlite().await).await;
    for n in 0..3 {
        assert_eq!(fault(host.add(&format!("bad-{n}"), &format!("Tally/{n}"), 13).await), bad);
    }
    let back = host.changed(ActivationCause::Faulted, Some(good)).await;
    assert_eq!((back.from, back.who.as_str()), (Some(bad), "the watch after a swap"));
    assert!(
        back.why.starts_with("3 faults since it went live, the last one: ") && back.why.contains("thirteen!"),
        "{}",
        back.why
    );
    let status = host.file("b.wasm", FileState::RolledBack).await;
    assert_eq!(status.reason.as_deref(), Some("`cantus plugin activate shifty@1.1.0` makes it live again"));
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("bad-0", "Tally/0", 13).await), good, "the same command, sent again");

    // Neither another look, nor a restart, nor another copy of it.
    host.looked().await;
    fixture.put("b.wasm", &shifty("1.1.0", "trap-on-13"));
    fixture.put("c.wasm", &shifty("1.1.0", "trap-on-13"));
    host.file("c.wasm", FileState::RolledBack).await;
    host.stop().await;
    let host = fixture.open().await;
    host.looked().await;
    assert_eq!(host.told(), [""; 0]);
    assert_eq!(host.file("b.wasm", FileState::RolledBack).await.digest, Some(bad));
    assert_eq!(by(host.add("bad-1", "Tally/1", 13).await), good);

    // But a person may have it so, and it is watched again.
    let elsewhere = fixture.elsewhere().await;
    decide(&elsewhere, ActivationCause::Activated, bad).await;
    host.file("b.wasm", FileState::Active).await;
    host.file("a.wasm", FileState::RolledBack).await;
    for n in 2..5 {
        assert_eq!(fault(host.add(&format!("bad-{n}"), "Tally/x", 13).await), bad);
    }
    host.changed(ActivationCause::Faulted, Some(good)).await;
    host.stop().await;
    assert_eq!(
        fixture.log().await,
        ["dropped 1.0.0", "dropped 1.1.0", "faulted 1.0.0", "activated 1.1.0", "faulted 1.0.0"]
    );
}

/// Both versions fault on the same command: going back would change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_faults_as_often_as_the_one_before_stays() {
    let mut fixture = Fixture::sqlite().await;
    fixture.registry.watch_faults = 3;
    let mut digest = fixture.put("a.wasm", &shifty("1.0.0", "trap-on-13"));
    let host = fixture.open().await;
    for version in ["1.0.0", "1.1.0"] {
        for n in 0..12 {
            for m in 0..3 {
                accepted(host.add(&format!("{version} good {n} {m}"), "Tally/a", 1).await);
            }
            assert_eq!(fault(host.add(&format!("{version} bad {n}"), &format!("Tally/{n}"), 13).await), digest);
        }
        host.looked().await;
        if version == "1.0.0" {
            digest = fixture.put("a.wasm", &shifty("1.1.0", "trap-on-13"));
            host.changed(ActivationCause::Dropped, Some(digest)).await;
        }
    }
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"]);
    // But it may not come to fault on everything. What is decided after the host went back may fault as well.
    for n in 0..40 {
        fault(host.add(&format!("worse {n}"), &format!("Tally/{n}"), 13).await);
    }
    let back = host.changed(ActivationCause::Faulted, Some(component("1.0.0", "trap-on-13").digest())).await;
    assert!(back.why.contains("commands since it went live, 12 in 48 before, the last one: "), "{}", back.why);
    host.stop().await;
}

/// Another file takes long to be looked into: the faults do not last as long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_back_does_not_wait_for_another_file() {
    for held_up in ["read", "validate", "load"] {
        let (fixture, host, [good, bad]) = watched(Fixture::sqlite().await).await;
        let (begin, begun) = std::sync::mpsc::channel();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        fixture.source.listen(move |call| {
            if call == held_up && begin.send(()).is_ok() {
                let _ = finished.recv_timeout(std::time::Duration::from_secs(60));
            }
            Ok(())
        });
        fixture.put("c.wasm", &guests::shifty("other", "1.0.0", "other-aggregate"));
        let begun = tokio::task::spawn_blocking(move || begun.recv().map(|()| begun)).await.unwrap().unwrap();
        for n in 0..3 {
            assert_eq!(fault(host.add(&format!("bad-{n}"), &format!("Tally/{n}"), 13).await), bad);
        }
        host.changed(ActivationCause::Faulted, Some(good)).await;
        assert_eq!(by(host.add("bad-0", "Tally/0", 13).await), good);
        drop((begun, finish));
        host.file("c.wasm", FileState::Active).await;
        host.stop().await;
    }
}

/// While it was verified against one that was live, the host went back: it is verified against what is live then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_verified_against_the_one_that_was_left_is_verified_again() {
    let store = cantus_tests::faulty::faulty();
    let fixture = Fixture::on(tempfile::tempdir().unwrap(), store.clone());
    let (fixture, host, [good, bad]) = watched(fixture).await;
    let reads = store.seen().reads.len();
    let gate = store.hold_reads().await;
    let next = fixture.put("c.wasm", &shifty("1.1.1", "good"));
    while store.seen().reads.len() == reads {
        tokio::task::yield_now().await;
    }
    for n in 0..3 {
        assert_eq!(fault(host.add(&format!("bad-{n}"), &format!("Tally/{n}"), 13).await), bad);
    }
    host.changed(ActivationCause::Faulted, Some(good)).await;
    drop(gate);
    let activation = host.changed(ActivationCause::Dropped, Some(next)).await;
    assert_eq!(activation.from, Some(good));
    assert!(activation.report.unwrap().contains(r#""against":{"version":"1.0.0""#));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_faults_do_not() {
    let (fixture, host, [_, bad]) = watched(Fixture::new()).await;
    for n in 0..2 {
        fault(host.add(&format!("bad-{n}"), "Tally/a", 13).await);
    }
    host.looked().await;
    assert_eq!(by(host.add("good", "Tally/a", 12).await), bad);
    // A rejection, a payload that does not decode and an unknown command are no faults.
    for n in 0..5 {
        host.add(&format!("full-{n}"), "Tally/a", 5_000).await.unwrap();
        host.engine.execute(cantus_tests::host::command(&format!("odd-{n}"), "Tally/a", "Add", "?")).await.unwrap_err();
        host.engine
            .execute(cantus_tests::host::command(&format!("no-{n}"), "Tally/a", "Subtract", "{}"))
            .await
            .unwrap_err();
    }
    host.looked().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"]);
    fault(host.add("bad-2", "Tally/a", 13).await);
    host.changed(ActivationCause::Faulted, Some(component("1.0.0", "good").digest())).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_after_the_window_do_not_count() {
    let mut fixture = Fixture::new();
    fixture.registry.watch_ms = 1;
    let (fixture, host, [_, bad]) = watched(fixture).await;
    host.looked().await;
    for n in 0..6 {
        assert_eq!(fault(host.add(&format!("bad-{n}"), "Tally/a", 13).await), bad);
    }
    host.looked().await;
    assert_eq!(by(host.add("good", "Tally/a", 12).await), bad);
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_one_has_nothing_to_go_back_to_and_no_watch_is_no_watch() {
    for watch_faults in [3, 0] {
        let mut fixture = Fixture::new();
        fixture.registry.watch_faults = watch_faults;
        let first = if watch_faults > 0 { "trap-on-13" } else { "good" };
        fixture.put("a.wasm", &shifty("1.0.0", first));
        let host = fixture.open().await;
        if watch_faults == 0 {
            fixture.put("a.wasm", &shifty("1.1.0", "trap-on-13"));
            host.status("a.wasm", |status| {
                status.state == FileState::Active && status.version.as_ref().unwrap().minor == 1
            })
            .await;
        }
        for n in 0..6 {
            fault(host.add(&format!("{n}"), "Tally/a", 13).await);
        }
        host.looked().await;
        assert!(!host.told().iter().any(|told| told.contains("faulted")), "{:?}", host.told());
        host.stop().await;
    }
}

/// An aggregate that cannot be hydrated any more counts as a fault, also if nobody asked for it: it was in memory before the swap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_that_cannot_be_folded_count() {
    let mut fixture = Fixture::new();
    (fixture.registry.watch_faults, fixture.verify.commands) = (3, 0);
    let good = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..30 {
        accepted(host.add(&format!("{n}"), &format!("Tally/{}", n % 3), 1).await);
    }
    fixture.put("b.wasm", &shifty("1.1.0", "trap-late"));
    let back = host.changed(ActivationCause::Faulted, Some(good)).await;
    assert!(back.why.contains("who could know"), "{}", back.why);
    for n in 0..3 {
        assert_eq!(accepted(host.add(&format!("after-{n}"), &format!("Tally/{n}"), 1).await), 11);
    }
    let told = host.notices.borrow().iter().filter(|notice| matches!(notice, RegistryNotice::Changed { .. })).count();
    assert_eq!(told, 3);
    host.stop().await;
}

/// The one before hosts what somebody else hosts by now: there is no way back, and that is told once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_may_be_no_way_back() {
    let mut fixture = Fixture::new();
    fixture.registry.watch_faults = 3;
    let both = |version: &str, mode: &str| guests::shifty("both", version, mode);
    fixture.put("a.wasm", &both("1.0.0", "two-aggregates"));
    let host = fixture.open().await;
    let bad = fixture.put("a.wasm", &both("2.0.0", "trap-on-13"));
    host.changed(ActivationCause::Dropped, Some(bad)).await;
    fixture.put("b.wasm", &guests::shifty("other", "1.0.0", "other-aggregate"));
    host.file("b.wasm", FileState::Active).await;
    for n in 0..3 {
        assert_eq!(fault(host.add(&format!("{n}"), "Tally/a", 13).await), bad);
    }
    host.trouble("both is not rolled back, after 3 faults since it went live").await;
    host.looked().await;
    assert_eq!(host.told().iter().filter(|told| told.starts_with("trouble")).count(), 1, "{:?}", host.told());
    assert_eq!(by(host.add("good", "Tally/a", 12).await), bad);
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 2.0.0", "dropped 1.0.0"]);
    host.stop().await;
}
