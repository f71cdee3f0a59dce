//! Python's `random` is seeded once in the life of a guest, so what it gives depends on what was decided before.

use super::{PYTHON, replay::recorded_and_replayed};

/// One aggregate finds the same sequence again in a fresh guest, and a plain replay sees nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_perturbed_replay_finds_the_random_module_of_python() {
    let report = recorded_and_replayed(&PYTHON, &["PostRandom"], 1).await;
    assert_eq!((report.findings.commands, report.findings.identical), (2, 2), "{report:?}");
    assert!(!report.is_clean());
    let showing: Vec<_> =
        report.perturbations.iter().filter(|it| it.differing > 0).map(|it| it.name.as_str()).collect();
    assert_eq!(showing, ["fresh instances from snapshots", "restored from snapshots at several points"], "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_that_use_the_random_module_of_python_differ_in_each_replay() {
    let report = recorded_and_replayed(&PYTHON, &["PostRandom"], 3).await;
    assert!(report.differing() > 0, "{report:?}");
    let apart = report.perturbations.iter().find(|it| it.name == "a sandbox for each stream").unwrap();
    assert!(apart.differing > 0, "{report:?}");
}
