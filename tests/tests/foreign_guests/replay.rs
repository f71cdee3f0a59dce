//! Recorded history is decided again, to the byte, however the guests are run.

use std::sync::Arc;

use cantus_model::{HistoryQuery, ports::Store};
use cantus_replay::replay::{self, Components, Replay, ReplayConfig, ReplayProgress, ReplayReport, perturbations};

use super::{Guest, JAVASCRIPT, PYTHON, World};

/// Sends each command twice to each of the aggregates, and replays what they decided in every way.
pub(crate) async fn recorded_and_replayed(guest: &'static Guest, commands: &[&str], aggregates: usize) -> ReplayReport {
    let world = World::of(guest).await;
    for (n, name) in commands.iter().chain(commands).enumerate() {
        for aggregate in 0..aggregates {
            let id = format!("{n} to {aggregate}");
            world.ask(&id, &format!("a-{aggregate}"), name, r#"{"amount":7}"#).await.unwrap();
        }
    }
    world.engine.shutdown().await;
    replayed(&world.store, guest).await
}

async fn replayed(store: &Arc<dyn Store>, guest: &'static Guest) -> ReplayReport {
    let find = |digest| Ok(guest.versions.iter().find(|component| component.digest() == digest).cloned());
    let components = Arc::new(Components::new(Box::new(find)));
    let perturbations = perturbations(&components, None);
    let config = ReplayConfig { components, candidate: None, perturbations, since: None, events_per_command: 100 };
    let replay = Replay { query: HistoryQuery::default(), limit: None, threads: 2, config };
    replay::replay(&**store, replay, &Arc::new(ReplayProgress::default())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_decides_the_same_again() {
    let commands = ["Add", "AddFromSeed", "AddRandom", "AddCryptoRandom", "AddNow"];
    let report = recorded_and_replayed(&JAVASCRIPT, &commands, 3).await;
    assert_eq!((report.findings.commands, report.findings.identical), (30, 30), "{report:?}");
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_decides_the_same_again() {
    let commands = ["Post", "PostFromSeed", "PostSystemRandom", "PostNow"];
    let report = recorded_and_replayed(&PYTHON, &commands, 3).await;
    assert_eq!((report.findings.commands, report.findings.identical), (24, 24), "{report:?}");
    assert!(report.is_clean(), "{report:?}");
}
