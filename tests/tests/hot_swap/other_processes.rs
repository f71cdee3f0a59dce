//! Other processes on the same store and the same folders.

use std::{fs, sync::Arc};

use cantus_engine::registry::{ActivationChange, ActivationError, FileState};
use cantus_model::{Activation, ActivationCause, ComponentRecord};
use cantus_tests::{
    faulty::{OnAppend, faulty},
    guests,
    host::NOW,
};

use super::{
    accepted, by, component,
    excluded_versions::{activate_file, decide},
    fixture::Fixture,
    shifty, undecided,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_makes_live_is_followed() {
    let fixture = Fixture::sqlite().await;
    let first = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let second = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    host.changed(ActivationCause::Dropped, Some(second)).await;
    let elsewhere = fixture.elsewhere().await;
    for (n, (cause, digest)) in [
        (ActivationCause::RolledBack, first),
        (ActivationCause::Activated, second),
        (ActivationCause::Activated, first),
    ]
    .into_iter()
    .enumerate()
    {
        decide(&elsewhere, cause, digest).await;
        host.changed(cause, Some(digest)).await;
        assert_eq!(by(host.add(&format!("{n}"), "Tally/a", 1).await), digest);
    }
    // Several at once: the last one counts.
    for digest in [second, first, second] {
        decide(&elsewhere, ActivationCause::Activated, digest).await;
    }
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("last", "Tally/a", 1).await), second);
    // A plugin that nobody here has seen.
    let other = guests::shifty("other", "0.1.0", "other-aggregate");
    let mut log = elsewhere.state().await.unwrap();
    let change = ActivationChange {
        plugin: "other".into(),
        cause: ActivationCause::Activated,
        who: "me".into(),
        why: String::new(),
    };
    let loaded = super::load(&other);
    elsewhere.record(&mut log, change, Some((loaded, Some(other))), None).await.unwrap();
    host.changed(ActivationCause::Activated, Some(log.history("other").unwrap().current.unwrap())).await;
    assert_eq!(accepted(host.add("other", "Tally2/a", 1).await), 1);
    host.stop().await;
    let host = fixture.open().await;
    assert_eq!(accepted(host.add("again", "Tally2/a", 1).await), 2);
    host.stop().await;
}

/// It was refused, and a person wants it all the same: then it is what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_can_be_made_live_by_a_person() {
    let fixture = Fixture::sqlite().await;
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..3 {
        accepted(host.add(&format!("{n}"), "Tally/a", 5).await);
    }
    let bytes = shifty("1.0.1", "limit-10");
    let digest = fixture.put("a.wasm", &bytes);
    host.refused("a.wasm", digest).await;
    let elsewhere = fixture.elsewhere().await;
    activate_file(&elsewhere, bytes).await;
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("after", "Tally/a", 5).await), digest);
    host.stop().await;
    let host = fixture.open().await;
    host.file("a.wasm", FileState::Active).await;
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "activated 1.0.1"]);
}

/// Two decide at once on what both read: one of them is told, and nothing of it is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_append_at_once_one_is_overtaken() {
    let fixture = Fixture::sqlite().await;
    let one = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    fixture.open().await.stop().await;
    let change = |who: &str| ActivationChange {
        plugin: "shifty".into(),
        cause: ActivationCause::Activated,
        who: who.into(),
        why: String::new(),
    };
    let (mine, yours) = (fixture.activator(), fixture.elsewhere().await);
    for round in 0..10 {
        let (mut my_log, mut your_log) = (mine.state().await.unwrap(), yours.state().await.unwrap());
        let component = mine.load(one).await.unwrap();
        let (my, your) = tokio::join!(
            mine.record(&mut my_log, change("me"), Some((Arc::clone(&component), None)), None),
            yours.record(&mut your_log, change("you"), Some((Arc::clone(&component), None)), None),
        );
        let overtaken =
            [my, your].into_iter().filter(|one| matches!(one, Err(ActivationError::ConcurrentChange))).count();
        assert_eq!(overtaken, 1);
        assert_eq!(fixture.activations().await.len(), round + 2);
    }
}

/// Somebody else gets in while a candidate is being verified. It is seen at the next look, and then both are right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activation_that_gets_in_between_is_not_lost() {
    let store = faulty();
    let fixture = Fixture::on(tempfile::tempdir().unwrap(), store.clone());
    let first = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let record = |version: &str, mode: &str| {
        let component = component(version, mode);
        ComponentRecord { digest: component.digest(), manifest: component.manifest().clone(), first_seen: NOW }
    };
    let activated = |to: &ComponentRecord| Activation {
        seq: 2,
        at: NOW,
        plugin: "shifty".into(),
        cause: ActivationCause::Activated,
        from: Some(first),
        to: Some(to.digest),
        who: "somebody else".into(),
        why: String::new(),
        report: None,
    };
    // The very version, with other bytes.
    let theirs = record("1.1.0", "same-but-different");
    let kept = fs::write(fixture.component_path(theirs.digest), shifty("1.1.0", "same-but-different"));
    kept.unwrap();
    store.on_appends([OnAppend::Precede(Box::new(activated(&theirs)), Box::new(theirs.clone()))]);
    let ours = fixture.put("b.wasm", &shifty("1.1.0", "good"));
    assert!(host.refused("b.wasm", ours).await.contains("was live with other bytes"), "{:?}", host.told());
    assert_eq!(by(host.add("1", "Tally/a", 1).await), theirs.digest);
    assert!(store.has_appended());
    let next = fixture.put("b.wasm", &shifty("1.2.0", "good"));
    host.changed(ActivationCause::Dropped, Some(next)).await;
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "activated 1.1.0", "dropped 1.2.0"]);
}

/// Nobody can make a plugin live that hosts what another hosts, but whoever replaces the other can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_host_of_an_aggregate_waits_for_the_first_to_go() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let elsewhere = fixture.elsewhere().await;
    let both = guests::shifty("both", "1.0.0", "two-aggregates");
    let mut log = elsewhere.state().await.unwrap();
    let change = ActivationChange {
        plugin: "both".into(),
        cause: ActivationCause::Activated,
        who: "me".into(),
        why: String::new(),
    };
    let component = Some((super::load(&both), Some(both.clone())));
    let refused = elsewhere.record(&mut log, change, component, None).await.unwrap_err().to_string();
    assert_eq!(refused, "the plugins shifty and both both host the aggregate Tally");
    let both = fixture.put("b.wasm", &both);
    let reason = "the plugins shifty and both both host the aggregate Tally: remove one of them";
    assert_eq!(host.refused("b.wasm", both).await, reason);
    assert_eq!(by(host.add("1", "Tally/a", 1).await), live);
    fixture.remove("a.wasm");
    host.file("b.wasm", FileState::Active).await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), both);
    assert_eq!(by(host.add("3", "Tally2/a", 1).await), both);
    // The other way round, in one step: a new version that leaves an aggregate to another plugin.
    let other = fixture.put("a.wasm", &guests::shifty("other", "1.0.0", "other-aggregate"));
    host.refused("a.wasm", other).await;
    let smaller = fixture.put("b.wasm", &guests::shifty("both", "2.0.0", "good"));
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("4", "Tally/a", 1).await), smaller);
    assert_eq!(by(host.add("5", "Tally2/a", 1).await), other);
    host.stop().await;
    let host = fixture.open().await;
    assert_eq!((accepted(host.add("6", "Tally/a", 1).await), accepted(host.add("7", "Tally2/a", 1).await)), (4, 3));
    host.stop().await;
}

/// The host starts with what was live, whatever lies in the folder by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_takes_what_was_live_from_the_component_store() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..3 {
        accepted(host.add(&format!("{n}"), "Tally/a", 5).await);
    }
    host.stop().await;
    for (n, refused) in [shifty("1.0.1", "limit-10"), shifty("1.0.0", "double"), b"broken".to_vec()].iter().enumerate()
    {
        let digest = fixture.put("a.wasm", refused);
        let host = fixture.open().await;
        host.refused("a.wasm", digest).await;
        assert_eq!(by(host.add(&format!("again-{n}"), "Tally/a", 1).await), live);
        host.looked().await;
        host.stop().await;
    }
    assert!(undecided(Err(cantus_model::CommandError::ShuttingDown)).starts_with("shutting-down"));
    assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
}
