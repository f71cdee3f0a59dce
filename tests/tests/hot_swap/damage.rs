//! The component store is damaged, or parts of it are missing: that is told, and whatever can go on does.

use std::fs;

use cantus_engine::registry::FileState;
use cantus_model::ActivationCause;

use super::{accepted, barred::decide, by, place::Place, shifty, undecided};

/// With the file still in the folder, the damage heals by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_live_is_damaged_and_its_file_is_there() {
    for missing in [false, true] {
        let place = Place::sqlite().await;
        let live = place.put("a.wasm", &shifty("1.0.0", "good"));
        let host = place.open().await;
        accepted(host.add("1", "Tally/a", 1).await);
        host.stop().await;
        match missing {
            true => fs::remove_file(place.kept(live)).unwrap(),
            false => fs::write(place.kept(live), "damage").unwrap(),
        }
        let host = place.open().await;
        host.trouble(if missing { "is not in the component store" } else { "is damaged" }).await;
        host.file("a.wasm", FileState::Active).await;
        assert_eq!(by(host.add("2", "Tally/a", 1).await), live);
        host.stop().await;
        let host = place.open().await;
        assert_eq!(host.told(), [""; 0], "it is whole again");
        host.stop().await;
    }
}

/// Without it, its commands are told so, and another version may come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_live_is_gone_and_so_is_its_file() {
    let place = Place::sqlite().await;
    let live = place.put("a.wasm", &shifty("1.0.0", "good"));
    place.open().await.stop().await;
    fs::remove_file(place.kept(live)).unwrap();
    place.put("a.wasm", b"broken");
    let host = place.open().await;
    host.trouble(&format!("shifty is not live: component {} is not in the component store", live.short())).await;
    assert!(undecided(host.add("1", "Tally/a", 1).await).starts_with("unknown-aggregate"));
    let next = place.put("a.wasm", &shifty("1.1.0", "good"));
    let activation = host.changed(ActivationCause::Dropped, Some(next)).await;
    assert_eq!(activation.from, Some(live), "what the log said");
    assert_eq!(by(host.add("1", "Tally/a", 1).await), next);
    host.stop().await;
}

/// The one to go back to is damaged: whoever asks hears it, the running host too, and what is live stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_to_go_back_to_is_damaged() {
    let place = Place::sqlite().await;
    let first = place.put("a.wasm", &shifty("1.0.0", "good"));
    let host = place.open().await;
    let second = place.put("a.wasm", &shifty("1.1.0", "good"));
    host.changed(ActivationCause::Dropped, Some(second)).await;
    let whole = fs::read(place.kept(first)).unwrap();
    let elsewhere = place.elsewhere().await;
    let activate = async || decide(&elsewhere, ActivationCause::RolledBack, first).await;
    place.source.listen(|call| match call {
        // Loaded by who asks; then it is damaged before the host loads it.
        "kept" => Err(cantus_model::ports::Refused("the component store: it is damaged".into())),
        _ => Ok(()),
    });
    assert_eq!(elsewhere.load(first).await.err().unwrap().to_string(), "the component store: it is damaged");
    place.source.listen(|_| Ok(()));
    host.looked().await;
    let component = elsewhere.load(first).await.unwrap();
    fs::write(place.kept(first), "damage").unwrap();
    let mut log = elsewhere.log().await.unwrap();
    let change = cantus_engine::registry::ActivationChange {
        plugin: "shifty".into(),
        cause: ActivationCause::RolledBack,
        who: "me".into(),
        why: String::new(),
    };
    elsewhere.record(&mut log, change, Some((component, None)), None).await.unwrap();
    host.trouble("is not live as asked").await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), second);
    host.looked().await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), second, "and stays so");
    // Put right, and asked for again.
    fs::write(place.kept(first), whole).unwrap();
    activate().await;
    host.changed(ActivationCause::RolledBack, Some(first)).await;
    assert_eq!(by(host.add("3", "Tally/a", 1).await), first);
    host.stop().await;
}

/// All of it is gone under the running host: it is made again, and the next version is compared with the one that runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_component_store_is_gone() {
    let place = Place::sqlite().await;
    let live = place.put("a.wasm", &shifty("1.0.0", "good"));
    let host = place.open().await;
    fs::remove_dir_all(place.root.path().join("components")).unwrap();
    assert_eq!(by(host.add("1", "Tally/a", 1).await), live);
    let next = place.put("a.wasm", &shifty("1.1.0", "good"));
    host.changed(ActivationCause::Dropped, Some(next)).await;
    assert_eq!(by(host.add("2", "Tally/a", 1).await), next);
    assert_eq!(cantus_model::Digest::of(&fs::read(place.kept(next)).unwrap()), next);
    host.stop().await;
    let place = place.again();
    let host = place.open().await;
    assert_eq!(by(host.add("3", "Tally/a", 1).await), next);
    host.stop().await;
}
