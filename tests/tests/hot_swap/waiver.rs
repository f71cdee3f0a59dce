//! A waiver beside a file allows the differences that it names, in the step that it names, and nothing else.

use std::{fs, sync::Arc};

use cantus_engine::registry::FileState;
use cantus_replay::verify::{Candidate, Predecessor, VerificationReport, VerifySettings, Waiver, verify};
use cantus_store::MemoryStore;

use super::{
    by, component,
    fixture::Fixture,
    shifty,
    verification_reports::{FILTERS, commands, history, shown},
};

const STEP: &str = "plugin = \"shifty\"\nfrom = \"1.0.0\"\nto = \"1.0.1\"\n";
const ALLOW: &str = "[[allow]]\ncommand = \"Tally.Add\"\nchange = \"accepted-to-rejected\"\nreason = \"agreed\"\n";

async fn judge(mode: &str, waiver: &str) -> VerificationReport {
    let store = history(Arc::new(MemoryStore::default()), commands()).await;
    let (against, waiver) =
        (Some(Predecessor::loaded(component("1.0.0", "good"))), Some(Waiver::parse(waiver).unwrap()));
    let candidate = Candidate { component: component("1.0.1", mode), against, waiver, events_per_command: 100 };
    verify(store.clone(), candidate, &VerifySettings { time_ms: 60_000, ..VerifySettings::default() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn just_what_is_named_is_allowed() {
    let full = "code = \"full\"\n";
    let waivers = [
        ("as it is", "limit-10", format!("{STEP}{ALLOW}")),
        ("with its code", "limit-10", format!("{STEP}{ALLOW}{full}")),
        ("with another code", "limit-10", format!("{STEP}{ALLOW}code = \"late\"\n")),
        ("another command", "limit-10", format!("{STEP}{ALLOW}").replace("Tally.Add", "Tally.Reset")),
        ("another aggregate", "limit-10", format!("{STEP}{ALLOW}").replace("Tally.Add", "Other.Add")),
        ("another change", "limit-10", format!("{STEP}{ALLOW}").replace("accepted-to-rejected", "events-differ")),
        ("another step", "limit-10", format!("{STEP}{ALLOW}").replace("1.0.1", "1.0.2")),
        ("another plugin", "limit-10", format!("{STEP}{ALLOW}").replace("shifty", "flights")),
        ("nothing", "limit-10", STEP.to_owned()),
        ("another step where none is needed", "same-but-different", format!("{STEP}{ALLOW}").replace("1.0.1", "1.0.2")),
        (
            "a command that is gone",
            "no-reset",
            format!("{STEP}{ALLOW}").replace("Add", "Reset").replace("accepted-to-rejected", "undecided"),
        ),
        ("what traps", "trap-on-13", format!("{STEP}{ALLOW}").replace("accepted-to-rejected", "events-differ")),
        (
            "what differs from itself",
            "hash-order",
            format!("{STEP}{ALLOW}").replace("accepted-to-rejected", "events-differ"),
        ),
    ];
    let mut told = vec![];
    for (what, mode, waiver) in waivers {
        told.push(format!("{mode}, {what}: {}", shown(&judge(mode, &waiver).await)));
    }
    insta::with_settings!({ filters => FILTERS }, { insta::assert_snapshot!(told.join("\n")) });
}

/// Refused for a difference; then somebody reviews it and puts the waiver there. The file itself need not change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiver_may_come_later() {
    let fixture = Fixture::new();
    fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    for n in 0..3 {
        host.add(&format!("{n}"), "Tally/a", 5).await.unwrap();
    }
    let next = fixture.put("a.wasm", &shifty("1.0.1", "limit-10"));
    assert!(host.refused("a.wasm", next).await.contains("or a waiver"));
    fs::write(fixture.path("a.waiver.toml"), "allow = everything").unwrap();
    host.status("a.wasm", |status| status.reason.as_ref().is_some_and(|why| why.contains("not acceptable"))).await;
    let told = host.told().len();
    host.looked().await;
    assert_eq!(host.told().len(), told, "it is judged once");
    fs::write(fixture.path("a.waiver.toml"), format!("{STEP}{ALLOW}")).unwrap();
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("after", "Tally/a", 5).await), next);
    let activation = fixture.activations().await.pop().unwrap();
    assert!(activation.report.unwrap().contains(r#""waived":"agreed""#));
    assert_eq!(activation.why, "3 of 3 recorded commands checked, 1 decided otherwise");
    host.stop().await;
}
