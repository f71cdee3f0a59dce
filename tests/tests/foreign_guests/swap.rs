//! The next version is verified on what the first one decided, and takes over while the aggregates stay.

use std::sync::Arc;

use cantus_model::LiveComponent;
use cantus_replay::{
    replay::DecisionChange,
    verify::{Candidate, Predecessor, VerifySettings, verify},
};

use super::{Guest, JAVASCRIPT, PYTHON, World};

async fn swaps(guest: &'static Guest, too_much: &str) {
    let world = World::of(guest).await;
    for n in 0..12 {
        let (aggregate, amount) = (format!("a-{}", n % 3), 10 + n % 3 * 10);
        assert_eq!(world.add(&format!("{n}"), &aggregate, amount).await.is_ok(), n < 11, "{n}");
    }
    let [first, second] = guest.versions.each_ref();
    let candidate = Candidate {
        component: Arc::clone(second),
        against: Some(Predecessor::loaded(Arc::clone(first))),
        waiver: None,
        events_per_command: 100,
    };
    let report =
        verify(world.store.clone(), candidate, &VerifySettings { time_ms: 60_000, ..VerifySettings::default() })
            .await
            .unwrap();
    assert!(report.is_allowed() && report.complete, "{report:?}");
    assert_eq!(report.coverage(), "12 of 12 recorded commands checked");
    let changes: Vec<_> = report.findings.groups.iter().map(|group| (group.change, group.count)).collect();
    assert_eq!(changes, [(DecisionChange::RejectionDiffers, 1), (DecisionChange::AcceptedToRejected, 4)]);

    world.engine.swap(&[LiveComponent::new(Arc::clone(second))]).unwrap();
    assert_eq!(world.add("after", "a-0", 10).await, Ok(5), "40 before, and 50 is the limit now");
    assert_eq!(world.add("too much", "a-0", 1).await, Err(too_much.into()));
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_version_in_javascript_takes_over() {
    swaps(&JAVASCRIPT, "full").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_version_in_python_takes_over() {
    swaps(&PYTHON, "limit").await;
}
