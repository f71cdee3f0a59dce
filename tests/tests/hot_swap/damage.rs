//! The component store is damaged, or parts of it are missing: that is told, and whatever can go on does.

use std::fs;

use cantus_engine::registry::FileState;
use cantus_model::ActivationCause;

use super::{accepted, by, excluded_versions::decide, fixture::Fixture, shifty, undecided};

/// With the file still in the folder, the damage heals by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_live_is_damaged_and_its_file_is_there() {
    for missing in [false, true] {
        let fixture = Fixture::sqlite().await;
        let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
        let host = fixture.open().await;
        accepted(host.add("1", "Tally/a", 1).await);
        host.stop().await;
        match missing {
            true => fs::remove_file(fixture.component_path(live)).unwrap(),
            false => fs::write(fixture.component_path(live), "damage").unwrap(),
        }
        let host = fixture.open().await;
        host.trouble(if missing { "is not in the component store" } else { "is damaged" }).await;
        host.file("a.wasm", FileState::Active).await;
        assert_eq!(by(host.add("2", "Tally/a", 1).await), live);
        host.stop().await;
        let host = fixture.open().await;
        assert_eq!(host.told(), [""; 0], "it is whole again");
        host.stop().await;
    }
}

/// Without it, its commands are told so, and another version may come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_live_is_gone_and_so_is_its_file() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    fixture.open().await.stop().await;
    fs::remove_file(fixture.component_path(live)).unwrap();
    fixture.put("a.wasm", b"broken");
    let host = fixture.open().await;
    host.trouble(&format!(
        "shifty is not live, because its component cannot be loaded: component {} is not in the component store",
        live.short()
    ))
    .await;
    assert!(undecided(host.add("1", "Tally/a", 1).await).starts_with("unknown-aggregate"));
    let next = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    let activation = host.changed(ActivationCause::Dropped, Some(next)).await;
    assert_eq!(activation.from, Some(live), "what the log said");
    assert_eq!(by(host.add("1", "Tally/a", 1).await), next);
    host.stop().await;
}

/// The one to go back to is damaged: whoever asks hears it, the running host too, and what is live stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_to_go_back_to_is_damaged() {
    let fixture = Fixture::sqlite().await;
    let first = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let second = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    host.changed(ActivationCause::Dropped, Some(second)).await;
    let whole = fs::read(fixture.component_path(first)).unwrap();
    let elsewhere = fixture.elsewhere().await;
    let activate = async || decide(&elsewhere, ActivationCause::RolledBack, first).await;
    fixture.source.listen(|call| match call {
        // Loaded by who asks; then it is damaged before the host loads it.
        "get_component" => Err(cantus_model::ports::Refused("the component store: it is damaged".into())),
        _ => Ok(()),
    });
    assert_eq!(elsewhere.load(first).await.err().unwrap().to_string(), "the component store: it is damaged");
    fixture.source.listen(|_| Ok(()));
    host.looked().await;
    let component = elsewhere.load(first).await.unwrap();
    fs::write(fixture.component_path(first), "damage").unwrap();
    let mut log = elsewhere.state().await.unwrap();
    let change = cantus_engine::registry::ActivationChange {
        plugin: "shifty".into(),
        cause: ActivationCause::RolledBack,
        who: "me".into(),
        why: String::new(),
    };
    elsewhere.record(&mut log, change, Some((component, None)), None).await.unwrap();
    host.trouble("was activated, but cannot be loaded").await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), second);
    host.looked().await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), second, "and stays so");
    // Put right, and asked for again.
    fs::write(fixture.component_path(first), whole).unwrap();
    activate().await;
    host.changed(ActivationCause::RolledBack, Some(first)).await;
    assert_eq!(by(host.add("3", "Tally/a", 1).await), first);
    host.stop().await;
}

/// All of it is gone under the running host: it is made again, and the next version is compared with the one that runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_component_store_is_gone() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    fs::remove_dir_all(fixture.root.path().join("components")).unwrap();
    assert_eq!(by(host.add("1", "Tally/a", 1).await), live);
    let next = fixture.put("a.wasm", &shifty("1.1.0", "good"));
    host.changed(ActivationCause::Dropped, Some(next)).await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), next);
    assert_eq!(cantus_model::Digest::of(&fs::read(fixture.component_path(next)).unwrap()), next);
    host.stop().await;
    let fixture = fixture.again();
    let host = fixture.open().await;
    assert_eq!(by(host.add("3", "Tally/a", 1).await), next);
    host.stop().await;
}
