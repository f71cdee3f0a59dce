//! Long random walks through a folder: whatever people do with it, the log, the engine and what is told of the files agree
//! after each step, and after each restart.

use std::{collections::BTreeMap, fs};

use cantus_engine::registry::{ActivationState, FileState};
use cantus_model::{ActivationCause, CommandError, Digest};

use super::{
    excluded_versions::decide,
    fixture::{Fixture, Host},
    shifty,
};

const FILES: [&str; 3] = ["a.wasm", "b.wasm", "c.wasm"];
const VERSIONS: [&str; 6] = ["1.0.0", "1.0.1", "1.1.0", "1.1.1", "1.2.0", "2.0.0"];
const MODES: [&str; 5] = ["good", "same-but-different", "other-state", "limit-10", "double"];

/// The generator of Knuth's MMIX: any will do, as long as it is the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_engine_and_folder_agree() {
    let mut activations = 0;
    for seed in 1..=std::env::var("HS_SEEDS").map_or(4, |n| n.parse().unwrap()) {
        activations += walk(seed, 40).await;
    }
    assert!(activations > 20, "nothing much happened");
}

/// Returns how often another component became live.
async fn walk(seed: u64, steps: usize) -> usize {
    let mut fixture = Fixture::sqlite().await;
    (fixture.registry.removal_ms, fixture.registry.rescan_ms) = (0, 5);
    let mut dice = Dice(seed);
    if seed.is_multiple_of(2) {
        fixture.verify.commands = 0;
    }
    let mut done = vec![];
    let mut host = fixture.open().await;
    for n in 0..steps {
        done.push(step(&fixture, &mut dice).await);
        host.looked().await;
        agree(&fixture, &host, n, &done).await;
        if dice.roll(6) == 0 {
            let before = decider(&host, "before").await;
            host.stop().await;
            host = fixture.open().await;
            done.push("restart".into());
            // What was refused is verified again at a start, and history has gone on.
            let after = decider(&host, "after").await;
            let story = (seed, &done, fixture.log().await, host.statuses.borrow().clone());
            assert!(after == before || fixture.verify.commands > 0, "{before:?} → {after:?}, {story:#?}");
            host.looked().await;
            agree(&fixture, &host, n + 1_000, &done).await;
        }
    }
    host.stop().await;
    fixture.activations().await.len()
}

async fn step(fixture: &Fixture, dice: &mut Dice) -> String {
    let (file, other) = (dice.one_of(&FILES), dice.one_of(&FILES));
    match dice.roll(9) {
        0..4 => {
            let (version, mode) = (dice.one_of(&VERSIONS), dice.one_of(&MODES));
            fixture.put(file, &shifty(version, mode));
            format!("{file} is {version} {mode}")
        }
        4 => {
            fixture.put(file, &shifty("1.0.0", "good")[..5_000]);
            format!("{file} is broken")
        }
        5 => match fs::rename(fixture.path(file), fixture.path(other)) {
            Ok(()) => format!("{file} is {other}"),
            Err(_) => "nothing".into(),
        },
        6 | 7 => match fs::remove_file(fixture.path(file)) {
            Ok(()) => format!("{file} is gone"),
            Err(_) => "nothing".into(),
        },
        _ => {
            let elsewhere = fixture.elsewhere().await;
            let log = elsewhere.state().await.unwrap();
            let known: Vec<Digest> =
                fixture.store.components().await.unwrap().iter().map(|known| known.digest).collect();
            let previous = log.history("shifty").and_then(|track| track.previous());
            match (dice.roll(2), previous, known.is_empty()) {
                (0, Some(previous), _) => {
                    decide(&elsewhere, ActivationCause::RolledBack, previous).await;
                    "rolled back".into()
                }
                (1, _, false) => {
                    let digest = dice.one_of(&known);
                    decide(&elsewhere, ActivationCause::Activated, digest).await;
                    format!("activated {}", named(&log, digest))
                }
                _ => "nothing".into(),
            }
        }
    }
}

fn named(log: &ActivationState, digest: Digest) -> String {
    log.component(digest).map_or_else(|| digest.short(), |(_, version)| version.to_string())
}

async fn decider(host: &Host, id: &str) -> Option<Digest> {
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    match host.add(&format!("{id}-{number}"), &format!("Tally/{}", number % 3), 2).await {
        Ok(decided) => Some(decided.component),
        Err(CommandError::UnknownAggregate { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Checks the invariants, which hold after any operation.
async fn agree(fixture: &Fixture, host: &Host, n: usize, done: &[String]) {
    let story = || format!("after {done:#?}: {:#?}", host.statuses.borrow());
    let log = fixture.activator().state().await.unwrap();
    let track = log.history("shifty");
    let current = track.and_then(|track| track.current);
    assert_eq!(decider(host, &n.to_string()).await, current, "{}", story());
    let live_version = current.map(|digest| log.component(digest).unwrap().1.clone());
    let statuses = host.statuses.borrow().clone();
    for status in &statuses {
        let is_live = status.digest.is_some() && status.digest == current;
        let barred = status.digest.is_some_and(|digest| track.is_some_and(|track| track.is_excluded(digest)));
        match status.state {
            FileState::Active => assert!(is_live, "{}: {}", status.file, story()),
            FileState::RolledBack => assert!(barred && !is_live, "{}: {}", status.file, story()),
            FileState::Superseded => {
                assert!(status.version < live_version && !is_live, "{}: {}", status.file, story());
            }
            FileState::Refused => assert!(!is_live && status.reason.is_some(), "{}: {}", status.file, story()),
            state => panic!("{} is still {}: {}", status.file, state.as_str(), story()),
        }
    }
    let on_disk: Vec<&str> = FILES.into_iter().filter(|name| fixture.path(name).exists()).collect();
    assert!(statuses.iter().map(|status| status.file.as_str()).eq(on_disk), "{}", story());
    let mut versions = BTreeMap::<String, Digest>::new();
    for known in fixture.store.components().await.unwrap() {
        assert_eq!(
            versions.insert(known.manifest.version.to_string(), known.digest),
            None,
            "two with one version: {}",
            story()
        );
    }
    for (seq, activation) in (1..).zip(fixture.activations().await) {
        assert_eq!(activation.seq, seq);
    }
}
