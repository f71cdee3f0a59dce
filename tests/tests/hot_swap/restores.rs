//! A component that does not come back from its own snapshots as it was is refused, and a replay shows it.

use std::sync::Arc;

use cantus_model::{HistoryQuery, ports::Store};
use cantus_replay::replay::{self, Components, Replay, ReplayConfig, ReplayProgress, ReplayReport, perturbations};
use cantus_store::MemoryStore;
use cantus_tests::host;

use super::{accepted, add, by, component, fixture::Fixture, shifty};

/// It decides every command as the one before, on the states that it folded itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_whose_restore_is_wrong_is_refused() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..6 {
        host.add(&format!("{n}"), "Tally/a", 300).await.unwrap();
    }
    for (mode, told) in [
        (
            "restore-zero",
            r#"Tally/a: restore(snapshot) gives another state at version 1: {"events":1,"total":0} instead of {"events":1,"total":300}"#,
        ),
        ("restore-traps", "Tally/a: restore(snapshot) faults at version 0: "),
        ("hidden-total", "Tally/a, command 3: restore(snapshot) gives another state at version 3: "),
    ] {
        let patch = fixture.put("a.wasm", &shifty("1.0.1", mode));
        let reason = host.refused("a.wasm", patch).await;
        assert!(reason.starts_with(told), "{mode}: {reason}");
    }
    assert_eq!(by(host.add("after", "Tally/a", 1).await), live);
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
}

/// Each stream has one command, so there is no decision after a restore: the state at the end tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_restores_from_snapshots_as_well() {
    for (mode, is_clean) in [("good", true), ("restore-zero", false), ("restore-traps", false)] {
        let component = component("1.0.0", mode);
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let clock = Arc::new(cantus_engine::FixedClock(host::NOW));
        let engine = host::start_with(host::settings(), Arc::clone(&store), Arc::clone(&component), clock).await;
        for n in 0..3 {
            accepted(engine.execute(add(&format!("{n}"), &format!("Tally/{n}"), 7)).await);
        }
        engine.shutdown().await;
        let components = Arc::new(Components::new(Box::new(move |_| Ok(Some(Arc::clone(&component))))));
        let report = replayed(&store, components).await;
        assert_eq!(report.differing(), 0, "{report:?}");
        let found = report.perturbations.iter().find(|it| it.name == "restored from snapshots at several points");
        assert_eq!(found.unwrap().differing == 0, is_clean, "{mode}: {report:?}");
    }
}

async fn replayed(store: &Arc<dyn Store>, components: Arc<Components>) -> ReplayReport {
    let perturbations = perturbations(&components, None);
    let config = ReplayConfig { components, candidate: None, perturbations, since: None, events_per_command: 100 };
    let replay = Replay { query: HistoryQuery::default(), limit: None, threads: 1, config };
    replay::replay(&**store, replay, &Arc::new(ReplayProgress::default())).await.unwrap()
}
