//! Every kind of candidate after a history that a good one decided: what its verification says, as a patch, as a minor and
//! as a major version.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cantus_engine::{FixedClock, registry::FileState};
use cantus_model::{Command, ports::Store};
use cantus_replay::verify::{self, Candidate, Predecessor, VerificationReport, VerifySettings, verify};
use cantus_store::{MemoryStore, SqliteStore};
use cantus_tests::host;

use super::{add, by, component, fixture::Fixture, reset, shifty};

/// Lines of a guest's source move, and the order of a hash map is another with another toolchain.
pub(crate) const FILTERS: [(&str, &str); 2] = [(r"\.rs:\d+:\d+", ".rs"), (r#""keys":.*"#, "…")];

/// Decided by the good one, version 1.0.0.
pub(crate) async fn history(store: Arc<dyn Store>, commands: impl IntoIterator<Item = Command>) -> Arc<dyn Store> {
    let clock = Arc::new(FixedClock(host::NOW));
    let engine = host::start_with(host::settings(), Arc::clone(&store), component("1.0.0", "good"), clock).await;
    for command in commands {
        engine.execute(command).await.unwrap();
    }
    engine.shutdown().await;
    store
}

/// A few streams: one goes above ten, one is full, one is long, one is begun again.
pub(crate) fn commands() -> Vec<Command> {
    let mut commands = vec![];
    for n in 0..4 {
        commands.push(add(&format!("a{n}"), "Tally/a", 4));
        commands.push(add(&format!("long{n}-1"), "Tally/long", 1));
        commands.push(add(&format!("long{n}-2"), "Tally/long", 1));
        commands.push(add(&format!("long{n}-3"), "Tally/long", 1));
    }
    commands.extend([
        add("b1", "Tally/b", 999),
        add("b2", "Tally/b", 2),
        reset("b3", "Tally/b"),
        add("b4", "Tally/b", 13),
    ]);
    commands
}

pub(crate) async fn judge(store: &Arc<dyn Store>, version: &str, mode: &str) -> VerificationReport {
    let against = Some(Predecessor::loaded(component("1.0.0", "good")));
    let candidate = Candidate { component: component(version, mode), against, waiver: None, events_per_command: 100 };
    verify(store.clone(), candidate, &VerifySettings { time_ms: 60_000, ..VerifySettings::default() }).await.unwrap()
}

/// A report in a few lines, none of them too long.
pub(crate) fn shown(report: &VerificationReport) -> String {
    let mut lines = vec![if report.is_allowed() { "allowed".to_owned() } else { "refused".to_owned() }];
    lines.extend(report.refused.iter().map(|why| format!("! {why}")));
    lines.extend(report.findings.groups.iter().map(|group| {
        let code = group.code.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
        let waived = group.waived.as_ref().map_or_else(String::new, |why| format!(", waived: {why}"));
        format!("- {} × {} {}: {}{code}{waived}", group.count, group.aggregate, group.command, group.change)
    }));
    lines.iter().map(|line| line.chars().take(180).collect()).collect::<Vec<String>>().join("\n    ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_each_candidate_is_told() {
    let store = history(Arc::new(MemoryStore::default()), commands()).await;
    let mut told = vec![];
    for mode in [
        "same-but-different",
        "limit-10",
        "limit-none",
        "double",
        "reworded",
        "other-state",
        "trap-late",
        "trap-on-handle",
        "trap-on-13",
        "restore-zero",
        "restore-traps",
        "hidden-total",
        "hash-order",
        "static-counter",
        "no-reset",
        "no-added",
        "other-aggregate",
        "two-aggregates",
    ] {
        for version in ["1.0.1", "1.1.0", "2.0.0"] {
            let report = judge(&store, version, mode).await;
            assert!(report.complete && report.findings.streams == 3 && report.findings.commands == 20, "{report:?}");
            assert_eq!(report.findings.events, 19, "{mode} {version}");
            told.push(format!("{mode} {version}: {}", shown(&report)));
        }
    }
    insta::with_settings!({ filters => FILTERS }, { insta::assert_snapshot!(told.join("\n")) });
}

/// One stream is enough, and one command: whoever counts its calls has no second way of counting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_differs_from_itself_is_found_out_by_one_command() {
    let store = history(Arc::new(MemoryStore::default()), [add("only", "Tally/a", 1)]).await;
    for mode in ["static-counter", "hash-order"] {
        let report = judge(&store, "2.0.0", mode).await;
        assert!(report.refused.len() == 1 && report.refused[0].contains("it differs from itself"), "{report:?}");
    }
}

/// Fuel ends each call, and the time limit ends the whole, however many commands there are in one stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_never_decides_takes_no_more_than_its_time() {
    let commands = (0..400).map(|n| add(&format!("{n}"), "Tally/a", 1));
    let store = history(Arc::new(MemoryStore::default()), commands).await;
    let candidate = |mode| {
        let against = Some(Predecessor::loaded(component("1.0.0", "good")));
        Candidate { component: component("1.1.0", mode), against, waiver: None, events_per_command: 100 }
    };
    let (endless, good) = (candidate("loop-handle"), candidate("good"));
    let started = Instant::now();
    let report =
        verify(store.clone(), endless, &VerifySettings { time_ms: 1_000, ..VerifySettings::default() }).await.unwrap();
    // One call at most runs on, on each of two sandboxes.
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert!(!report.is_allowed() && !report.complete, "{report:?}");
    assert!(report.refused[0].contains("fuel"), "{report:?}");

    let report =
        verify(store.clone(), good, &VerifySettings { time_ms: 0, ..VerifySettings::default() }).await.unwrap();
    assert!(!report.is_allowed() && !report.complete && report.findings.commands < 400, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_activation_has_nothing_to_differ_from() {
    let store = history(Arc::new(MemoryStore::default()), commands()).await;
    // Nothing was live, but there is history: of a host before there was a log of activations.
    let candidate = |component| Candidate { component, against: None, waiver: None, events_per_command: 100 };
    let report =
        verify(store.clone(), candidate(component("0.1.0", "limit-10")), &VerifySettings::default()).await.unwrap();
    assert!(report.is_allowed() && report.differing() > 0, "{report:?}");
    let report =
        verify(store.clone(), candidate(component("0.1.0", "trap-late")), &VerifySettings::default()).await.unwrap();
    assert!(!report.is_allowed(), "what cannot fold history is refused: {report:?}");
    let empty: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let report =
        verify(empty.clone(), candidate(component("0.1.0", "trap-late")), &VerifySettings::default()).await.unwrap();
    assert!(report.is_allowed() && report.complete && report.findings.commands == 0, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verification_can_be_turned_off_but_not_what_needs_no_history() {
    let mut fixture = Fixture::new();
    fixture.verify.commands = 0;
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..3 {
        host.add(&format!("{n}"), "Tally/a", 5).await.unwrap();
    }
    let smaller = fixture.put("a.wasm", &shifty("1.0.1", "no-reset"));
    let reason = host.refused("a.wasm", smaller).await;
    assert_eq!(reason, "it no longer has command Tally.Reset v1: that takes a new major version");
    let differing = fixture.put("a.wasm", &shifty("1.0.1", "limit-10"));
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("after", "Tally/a", 5).await), differing);
    assert_eq!(fixture.activations().await.last().unwrap().why, "no recorded commands were run: verify.commands is 0");
    host.stop().await;
}

/// The newest commands, on whole streams: so what happened long ago counts only for the state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_newest_commands_are_decided_again() {
    let store = history(Arc::new(MemoryStore::default()), commands()).await;
    for (count, streams, events) in [(1, 1, 3), (3, 1, 3), (5, 2, 15), (1_000, 3, 19)] {
        let settings = VerifySettings { commands: count, ..VerifySettings::default() };
        let against = Some(Predecessor::loaded(component("1.0.0", "good")));
        let component = component("1.0.1", "same-but-different");
        let candidate = Candidate { component, against, waiver: None, events_per_command: 100 };
        let found = verify::verify(store.clone(), candidate, &settings).await.unwrap().findings;
        let commands = count.min(20) as u64;
        assert_eq!(
            (found.commands, found.identical, found.streams, found.events),
            (commands, commands, streams, events)
        );
    }
}

/// Also with what a person sees: the JSON that is kept with the activation, on another store, and by another host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_history_gives_the_same_report_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("cantus.db").display());
    let sqlite = history(Arc::new(SqliteStore::open(&url).await.unwrap()), commands()).await;
    let memory = history(Arc::new(MemoryStore::default()), commands()).await;
    for mode in ["limit-10", "trap-late", "static-counter", "no-reset"] {
        let mut reports = vec![];
        for store in [&memory, &memory, &sqlite, &sqlite] {
            reports.push(serde_json::to_string_pretty(&judge(store, "1.1.0", mode).await).unwrap());
        }
        assert!(reports.iter().all(|report| *report == reports[0]), "{mode}: {reports:#?}");
        if mode == "limit-10" {
            let digests = ["1.0.0 good", "1.1.0 limit-10"].map(|name| {
                let (version, mode) = name.split_once(' ').unwrap();
                (component(version, mode).digest().to_string(), format!("[{name}]"))
            });
            let filters = digests.iter().map(|(digest, name)| (digest.as_str(), name.as_str()));
            insta::with_settings!({ filters => filters }, { insta::assert_snapshot!("limit-10_as_a_minor", reports[0]) });
        }
    }
}

/// It takes its time to say what it is; meanwhile the old one decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_candidate_holds_up_nobody() {
    let fixture = Fixture::new();
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let slow = fixture.put("a.wasm", &shifty("1.1.0", "slow-describe"));
    host.file("a.wasm", FileState::Validated).await;
    assert_eq!(by(host.add("meanwhile", "Tally/a", 1).await), live);
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("then", "Tally/a", 1).await), slow);
    host.stop().await;
}
