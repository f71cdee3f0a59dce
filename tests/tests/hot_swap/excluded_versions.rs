//! A person's decision stands: no file undoes it by lying in the folder, until there is a new one.

use cantus_engine::registry::{ActivationChange, Activator, ComponentWithBytes, FileState};
use cantus_model::{ActivationCause, Digest};

use super::{by, fixture::Fixture, load, shifty};

/// As `cantus plugin activate` and `rollback` do it.
pub(crate) async fn decide(activator: &Activator, cause: ActivationCause, digest: Digest) {
    let component = activator.load(digest).await.unwrap();
    record(activator, cause, (component, None)).await;
}

/// As `cantus plugin activate` does it with a file that was never live.
pub(crate) async fn activate_file(activator: &Activator, bytes: Vec<u8>) {
    record(activator, ActivationCause::Activated, (load(&bytes), Some(bytes))).await;
}

async fn record(activator: &Activator, cause: ActivationCause, (component, bytes): ComponentWithBytes) {
    let mut state = activator.state().await.unwrap();
    let plugin = component.manifest().name.clone();
    let change = ActivationChange { plugin, cause, who: "me".into(), why: "I say so".into() };
    activator.record(&mut state, change, Some((component, bytes)), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_stands_until_a_new_version_comes() {
    let fixture = Fixture::sqlite().await;
    let one = fixture.put("1.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let mut digests = vec![one];
    for n in 1..3 {
        let digest = fixture.put(&format!("{}.wasm", n + 1), &shifty(&format!("1.{n}.0"), "good"));
        host.changed(ActivationCause::Dropped, Some(digest)).await;
        digests.push(digest);
    }
    let elsewhere = fixture.elsewhere().await;
    let previous = elsewhere.state().await.unwrap().history("shifty").unwrap().previous();
    assert_eq!(previous, Some(digests[1]));
    decide(&elsewhere, ActivationCause::RolledBack, digests[1]).await;
    let back = host.changed(ActivationCause::RolledBack, Some(digests[1])).await;
    assert_eq!((back.who.as_str(), back.why.as_str()), ("me", "I say so"));
    host.file("3.wasm", FileState::RolledBack).await;
    host.file("2.wasm", FileState::Active).await;
    host.file("1.wasm", FileState::Superseded).await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), digests[1]);
    host.stop().await;

    let host = fixture.open().await;
    host.looked().await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), digests[1]);
    // Without its file, what was before it goes on, and not what was barred.
    fixture.remove("2.wasm");
    host.changed(ActivationCause::Dropped, Some(one)).await;
    let fixed = fixture.put("2.wasm", &shifty("1.2.1", "good"));
    host.changed(ActivationCause::Dropped, Some(fixed)).await;
    host.stop().await;
    let log =
        ["dropped 1.0.0", "dropped 1.1.0", "dropped 1.2.0", "rolled-back 1.1.0", "dropped 1.0.0", "dropped 1.2.1"];
    assert_eq!(fixture.log().await, log);
}

/// Every version lies in the folder. Who asks for the first one gets the first one, and not the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_an_older_version_gets_that_one() {
    let fixture = Fixture::sqlite().await;
    let host = fixture.open().await;
    let mut digests = vec![];
    for n in 0..3 {
        let digest = fixture.put(&format!("{n}.wasm"), &shifty(&format!("1.{n}.0"), "good"));
        host.changed(ActivationCause::Dropped, Some(digest)).await;
        digests.push(digest);
    }
    decide(&fixture.elsewhere().await, ActivationCause::Activated, digests[0]).await;
    host.changed(ActivationCause::Activated, Some(digests[0])).await;
    host.looked().await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), digests[0]);
    for name in ["1.wasm", "2.wasm"] {
        host.file(name, FileState::RolledBack).await;
    }
    host.stop().await;
    let host = fixture.open().await;
    host.looked().await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), digests[0]);
    decide(&fixture.elsewhere().await, ActivationCause::Activated, digests[1]).await;
    host.file("1.wasm", FileState::Active).await;
    host.file("2.wasm", FileState::RolledBack).await;
    host.looked().await;
    assert_eq!(by(host.add("3", "Tally/a", 1).await), digests[1]);
    host.stop().await;
    let log = fixture.log().await;
    assert_eq!(log[3..], ["activated 1.0.0".to_owned(), "activated 1.1.0".to_owned()]);
}

/// It is live from the component store alone; what lies in the folder is lower, and was never live.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lower_version_that_lies_there_is_no_reason_to_go_down() {
    let fixture = Fixture::sqlite().await;
    let higher = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    let host = fixture.open().await;
    let lower = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    host.changed(ActivationCause::Dropped, Some(lower)).await;
    decide(&fixture.elsewhere().await, ActivationCause::Activated, higher).await;
    host.file("a.wasm", FileState::RolledBack).await;
    // Another one comes to lie there.
    fixture.put("b.wasm", &shifty("0.9.0", "good"));
    host.file("b.wasm", FileState::Superseded).await;
    host.looked().await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), higher);
    host.stop().await;
    let host = fixture.open().await;
    host.looked().await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), higher);
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.1.0", "dropped 1.0.0", "activated 1.1.0"]);
}
