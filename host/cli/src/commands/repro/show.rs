//! What came of a bundle, for people and for programs.

use cantus_host::{components::name_of, wire::payload_json};
use cantus_model::{Fault, FaultKind, Message, ports::Component};
use cantus_replay::repro::{Bundle, BundleCommand, BundleFault, BundleRun, RerunOutcome, StartingState};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::shorten::Written;
use crate::render::{self, escaped, message};

/// All there is to say.
pub(super) struct RerunReport<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) component: &'a dyn Component,
    pub(super) runs: &'a [BundleRun],
    pub(super) shortened: Option<Written>,
}

impl RerunReport<'_> {
    /// For people.
    pub(super) fn text(&self) -> String {
        let Bundle { aggregate, version, plugin, plugin_version, component, fault, .. } = self.bundle;
        let [aggregate, plugin] = [escaped(aggregate), escaped(plugin)];
        let mut text = format!("{aggregate} at version {version}, {plugin} {plugin_version} ({})\n", component.short());
        if let Some(command) = &self.bundle.command {
            let payload = render::payload(&command.payload);
            text += &format!("  asked     {} {payload}\n", command_name(command));
        }
        text += &format!("  recorded  {}\n", fault_line(fault));
        for run in self.runs {
            text += &run_text(run, &escaped(name_of(self.component)));
        }
        text += &self.conclusion();
        if let Some(Written { file, shortened }) = &self.shortened {
            let left = match shortened.bundle.events.len() {
                0 => "none".to_owned(),
                left => render::count(left as u64),
            };
            let perhaps = if shortened.minimal { "" } else { ", and more --runs may find fewer" };
            let before = render::count(self.events_before());
            text += &format!("It takes {left} of the {before} events{perhaps}: {}\n", escaped(file.display()));
        }
        text
    }

    fn conclusion(&self) -> String {
        let again: Vec<bool> = self.runs.iter().map(|run| run.reproduced).collect();
        let is_same = self.component.digest() == self.bundle.component;
        match (again.contains(&true), again.contains(&false)) {
            (true, false) => String::new(),
            (true, true) => {
                "Both ways should lead to the same state: does it lose something between `snapshot` and `restore`?\n"
                    .into()
            }
            (false, _) if is_same => {
                "It may have come of what else lived in its sandbox, or of other limits (settings wasm.*).\n".into()
            }
            (false, _) => String::new(),
        }
    }

    fn events_before(&self) -> u64 {
        self.bundle.shortened_from.unwrap_or(self.bundle.events.len() as u64)
    }

    /// For programs.
    pub(super) fn json(&self) -> impl Serialize {
        let mut report = about(self.bundle);
        report["again"] = self.runs.iter().any(|run| run.reproduced).into();
        report["run_on"] = self.component.digest().to_string().into();
        if let Some(Written { file, shortened }) = &self.shortened {
            report["shortened"] = json!({
                "file": file.display().to_string(), "events_before": self.events_before(),
                "events": shortened.bundle.events.len(), "runs": shortened.runs, "minimal": shortened.minimal,
            });
        }
        ReportJson { report, runs: self.runs.iter().map(RunJson::of).collect() }
    }
}

/// What a bundle is about.
pub(super) fn about(bundle: &Bundle) -> Value {
    let BundleFault { kind, call, message, .. } = &bundle.fault;
    let mut about = json!({
        "aggregate": bundle.aggregate.aggregate_type, "aggregate_id": bundle.aggregate.id, "version": bundle.version,
        "plugin": bundle.plugin, "plugin_version": bundle.plugin_version, "component": bundle.component,
        "recorded": { "kind": kind, "call": call, "message": message },
    });
    if let Some(command) = &bundle.command {
        about["command"] = command.name.clone().into();
        about["command_version"] = command.version.into();
        about["id"] = command.context.command_id.clone().into();
    }
    about
}

/// The kind of a command.
pub(super) fn command_name(command: &BundleCommand) -> String {
    escaped(format_args!("{} v{}", command.name, command.version))
}

/// A recorded fault on one line.
pub(super) fn fault_line(fault: &BundleFault) -> String {
    line(fault.kind, &fault.call, &fault.message)
}

fn line(kind: FaultKind, call: &str, what: &str) -> String {
    format!("{} in {}: {}", kind_name(kind), escaped(call), message(what))
}

const fn kind_name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Trap => "trap",
        FaultKind::OutOfFuel => "out of fuel",
        FaultKind::MemoryLimit => "memory limit",
        FaultKind::StackOverflow => "stack overflow",
        FaultKind::TimeLimit => "time limit",
        FaultKind::ResultTooLarge => "result too large",
        FaultKind::RefusedCall => "refused call",
        FaultKind::Malformed => "malformed",
        FaultKind::Host => "host",
    }
}

fn run_text(run: &BundleRun, component: &str) -> String {
    let from = match run.start {
        StartingState::FirstEvent => "its first event",
        StartingState::Snapshot => "its snapshot",
    };
    let events = format!("{} event{}", render::count(run.events as u64), if run.events == 1 { "" } else { "s" });
    let verdict = match run.reproduced {
        true => "the recorded fault came again",
        false => "the recorded fault did not come",
    };
    format!("{verdict}, from {from} on with {events}, on {component}\n{}", outcome_text(run))
}

fn outcome_text(run: &BundleRun) -> String {
    match &run.outcome {
        RerunOutcome::Fault(fault) => fault_text(fault),
        RerunOutcome::Accepted(events) if events.is_empty() => "  the command was accepted, without events\n".into(),
        RerunOutcome::Accepted(events) => {
            let event = |event: &Message| {
                format!("\n    {} v{} {}", escaped(&event.name), event.version, render::payload(&event.payload))
            };
            format!("  the command was accepted:{}\n", events.iter().map(event).collect::<String>())
        }
        RerunOutcome::Rejected(rejection) => {
            let (code, why) = (message(&rejection.code), message(&rejection.message));
            format!("  the command was rejected: {code}: {why}\n")
        }
        RerunOutcome::Undecided(why) => format!("  the command was not decided: {}\n", message(why)),
        RerunOutcome::Folded => "  all was well\n".into(),
    }
}

fn fault_text(fault: &Fault) -> String {
    let frames = fault.backtrace.iter().enumerate().map(|(at, frame)| format!("  {at:>4}  {}\n", message(frame)));
    format!("  {}\n{}", line(fault.kind, fault.call, &fault.message), frames.collect::<String>())
}

/// The report for programs.
#[derive(Serialize)]
struct ReportJson<'a> {
    #[serde(flatten)]
    report: Value,
    runs: Vec<RunJson<'a>>,
}

#[derive(Serialize)]
struct RunJson<'a> {
    again: bool,
    outcome: RerunOutcomeJson<'a>,
    events: usize,
    start: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum RerunOutcomeJson<'a> {
    Fault(&'a Fault),
    Accepted(Vec<EventJson<'a>>),
    Rejected { code: &'a str, message: &'a str },
    Undecided(&'a str),
    Folded,
}

#[derive(Serialize)]
struct EventJson<'a> {
    event: &'a str,
    payload: Box<RawValue>,
    version: u32,
}

impl<'a> RunJson<'a> {
    fn of(run: &'a BundleRun) -> Self {
        let start = match run.start {
            StartingState::FirstEvent => "first-event",
            StartingState::Snapshot => "snapshot",
        };
        Self { again: run.reproduced, outcome: RerunOutcomeJson::of(&run.outcome), events: run.events, start }
    }
}

impl<'a> RerunOutcomeJson<'a> {
    fn of(outcome: &'a RerunOutcome) -> Self {
        match outcome {
            RerunOutcome::Fault(fault) => Self::Fault(fault),
            RerunOutcome::Accepted(events) => Self::Accepted(events.iter().map(EventJson::of).collect()),
            RerunOutcome::Rejected(rejection) => Self::Rejected { code: &rejection.code, message: &rejection.message },
            RerunOutcome::Undecided(why) => Self::Undecided(why),
            RerunOutcome::Folded => Self::Folded,
        }
    }
}

impl<'a> EventJson<'a> {
    fn of(event: &'a Message) -> Self {
        Self { event: &event.name, payload: payload_json(&event.payload), version: event.version }
    }
}
