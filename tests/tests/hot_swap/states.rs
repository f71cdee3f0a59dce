//! Each state that a file comes to, and each point where it is held up.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use cantus_engine::registry::{FileState, RegistryNotice};
use cantus_model::{ActivationCause, Digest, ports::Refused};
use cantus_tests::guests;

use super::{accepted, by, fixture::Fixture, shifty, undecided};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_from_found_to_active_and_each_step_shows() {
    let fixture = Fixture::new();
    let host = fixture.open().await;
    assert!(undecided(host.add("too-early", "Tally/a", 1).await).ends_with("no plugin is live"));

    let steps = Arc::new(Mutex::new(Vec::new()));
    let (statuses, noted) = (host.statuses.clone(), Arc::clone(&steps));
    fixture.source.listen(move |call| {
        if let (Some(status), false) = (statuses.borrow().first(), matches!(call, "scan" | "read")) {
            noted.lock().unwrap().push(format!("{call}: {}", status.state.as_str()));
        }
        Ok(())
    });
    let digest = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let status = host.file("a.wasm", FileState::Active).await;
    assert_eq!(
        *steps.lock().unwrap(),
        ["validate: found", "load: validated", "waiver: compiled", "put_component: verified"]
    );

    assert_eq!((status.digest, status.reason), (Some(digest), None));
    assert_eq!((status.plugin.as_deref(), status.version.unwrap().to_string().as_str()), (Some("shifty"), "1.0.0"));
    assert_eq!(by(host.add("first", "Tally/a", 1).await), digest, "active means that it decides");
    let activation = host.changed(ActivationCause::Dropped, Some(digest)).await;
    assert_eq!((activation.seq, activation.from, activation.who.as_str()), (1, None, "a.wasm"));
    assert_eq!(activation.why, "no recorded commands to run");
    assert!(activation.report.as_ref().unwrap().contains(r#""complete":true"#), "{activation:?}");
    assert_eq!(fixture.activations().await, [activation]);
    assert_eq!(Digest::of(&fs::read(fixture.component_path(digest)).unwrap()), digest);
    let [component] = &fixture.store.components().await.unwrap()[..] else { panic!("there are others") };
    assert_eq!((component.digest, component.manifest.name.as_str()), (digest, "shifty"));
    host.stop().await;
}

/// As soon as a file is said to be active, it decides: also if another one is verified for long right after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_waits_for_the_verification_of_another() {
    let fixture = Fixture::new();
    let host = fixture.open().await;
    let (engine, engaged) = (Arc::clone(&host.engine), Arc::new(Mutex::new(Vec::new())));
    let (runtime, noted) = (tokio::runtime::Handle::current(), Arc::clone(&engaged));
    fixture.source.listen(move |call| {
        if call == "waiver" {
            // A verification begins. Who decides meanwhile?
            let ask = |aggregate: &str| runtime.block_on(engine.execute(super::add(aggregate, aggregate, 1))).is_ok();
            noted.lock().unwrap().push([ask("Tally/x"), ask("Tally2/x")]);
        }
        Ok(())
    });
    fixture.put("a.wasm", &guests::shifty("first", "1.0.0", "good"));
    fixture.put("b.wasm", &guests::shifty("second", "1.0.0", "other-aggregate"));
    host.file("a.wasm", FileState::Active).await;
    host.file("b.wasm", FileState::Active).await;
    assert_eq!(*engaged.lock().unwrap(), [[false, false], [true, false]]);
    host.stop().await;
}

/// Files that are refused, each at another step; the one that is live stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_hears_why_at_each_step() {
    let fixture = Fixture::new();
    let live = fixture.put("good.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..3 {
        accepted(host.add(&format!("{n}"), "Tally/a", 20).await);
    }
    fs::create_dir(fixture.path("unreadable.wasm")).unwrap();
    fixture.put("invalid.wasm", b"\0asm nonsense");
    fixture.put("unfit.wasm", &guests::rogue("no-aggregate"));
    fixture.put("taken.wasm", &shifty("1.0.0", "same-but-different"));
    fixture.put("waived-badly.wasm", &shifty("1.0.1", "good"));
    fs::write(fixture.path("waived-badly.waiver.toml"), "allow = 'everything'").unwrap();
    fixture.put("worse.wasm", &shifty("1.0.2", "limit-10"));
    fixture.put("other.wasm", &guests::shifty("other", "1.0.0", "good"));
    let mut reasons = Vec::new();
    for name in ["unreadable", "invalid", "unfit", "taken", "waived-badly", "worse", "other"] {
        let status = host.file(&format!("{name}.wasm"), FileState::Refused).await;
        reasons.push(format!("{name}: {}", status.reason.unwrap()));
    }
    let digests = [shifty("1.0.0", "good"), shifty("1.0.0", "same-but-different"), guests::rogue("no-aggregate")];
    let digests = digests.map(|bytes| Digest::of(&bytes).short());
    let filters = digests.iter().map(|digest| (digest.as_str(), "DIGEST"));
    insta::with_settings!({ filters => filters }, { insta::assert_snapshot!(reasons.join("\n")) });
    assert_eq!(by(host.add("after", "Tally/a", 20).await), live);
    assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
    let worse = |notice: &RegistryNotice| matches!(notice, RegistryNotice::Refused { status, report } if status.file == "worse.wasm" && report.is_some());
    assert!(host.notices.borrow().iter().any(worse), "the report comes with the notice");
    host.stop().await;
}

/// The disk is full, say: it is told, the old one stays, and dropping the file again makes up for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_kept_does_not_go_live() {
    let fixture = Fixture::new();
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    fixture.source.listen(|call| match call {
        "put_component" => Err(Refused("the component store: no space left on device".into())),
        _ => Ok(()),
    });
    let new = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    assert_eq!(host.refused("a.wasm", new).await, "the component store: no space left on device");
    assert_eq!(by(host.add("before", "Tally/a", 1).await), live);
    fixture.source.listen(|_| Ok(()));
    fixture.put("a.wasm", &shifty("1.1.0", "good"));
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("after", "Tally/a", 1).await), new);
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"]);
    host.stop().await;
}

/// The folder cannot be seen: what is live stays so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_gone_takes_nothing_with_it() {
    let fixture = Fixture::new();
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let (plugins, aside) = (fixture.path(""), fixture.root.path().join("aside"));
    fs::rename(&plugins, &aside).unwrap();
    host.trouble("the plugin folder").await;
    fs::rename(aside, plugins).unwrap();
    host.looked().await;
    assert_eq!(by(host.add("after", "Tally/a", 1).await), live);
    assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
    host.stop().await;
}

/// Nobody looks by himself for an hour: the hint of the file system is enough, and so is that of a command line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_is_enough() {
    let mut fixture = Fixture::new();
    fixture.registry.rescan_ms = 3_600_000;
    let host = fixture.open_watching().await;
    for version in ["1.0.0", "1.1.0", "1.1.1"] {
        let digest = fixture.put("a.wasm", &shifty(version, "good"));
        host.status("a.wasm", |status| status.digest == Some(digest) && status.state == FileState::Active).await;
        assert_eq!(by(host.add(version, "Tally/a", 1).await), digest);
    }
    host.stop().await;
}

/// Whoever stops a host does not wait for a verification; the next one begins it anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_stops_in_the_middle_of_a_verification() {
    let mut fixture = Fixture::sqlite().await;
    fixture.verify.time_ms = 3_600_000;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let history: Vec<_> =
        (0..900).map(|n| host.engine.submit(super::add(&format!("{n}"), "Tally/a", 1)).unwrap()).collect();
    for pending in history {
        accepted(pending.await);
    }
    // Each of them takes all of its fuel, twice.
    fixture.put("a.wasm", &shifty("1.1.0", "loop-handle"));
    host.file("a.wasm", FileState::Compiled).await;
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(30), host.stop()).await;
    assert!(stopped.is_ok(), "it is still at it");
    fixture.verify.time_ms = 1_000;
    let host = fixture.open().await;
    host.file("a.wasm", FileState::Refused).await;
    assert_eq!(by(host.add("after", "Tally/a", 1).await), live);
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
}
