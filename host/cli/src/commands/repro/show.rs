//! The report of a bundle that was run again, as text and as JSON.

use cantus_host::{components::component_label, wire::payload_json};
use cantus_model::{Fault, FaultKind, Message, ports::Component};
use cantus_replay::repro::{Bundle, BundleCommand, BundleFault, BundleRun, RerunOutcome, StartingState};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::shorten::ShortenedFile;
use crate::render::{self, escaped, message};

/// The report of a bundle that was run again.
pub(super) struct RerunReport<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) component: &'a dyn Component,
    pub(super) runs: &'a [BundleRun],
    pub(super) shortened: Option<ShortenedFile>,
}

impl RerunReport<'_> {
    /// Renders the report as text.
    pub(super) fn text(&self) -> String {
        let Bundle { aggregate, version, plugin, plugin_version, component, fault, .. } = self.bundle;
        let [aggregate, plugin] = [escaped(aggregate), escaped(plugin)];
        let mut text = format!("{aggregate} at version {version}, {plugin} {plugin_version} ({})\n", component.short());
        if let Some(command) = &self.bundle.command {
            let payload = render::payload(&command.payload);
            text += &format!("  command   {} {payload}\n", command_name(command));
        }
        text += &format!("  recorded  {}\n", fault_line(fault));
        for run in self.runs {
            text += &run_text(run, &escaped(component_label(self.component)));
        }
        text += &self.conclusion();
        if let Some(ShortenedFile { file, shortened }) = &self.shortened {
            let left = match shortened.bundle.events.len() {
                0 => "none".to_owned(),
                left => render::count(left as u64),
            };
            let perhaps = if shortened.minimal { "" } else { " (more --runs may remove more)" };
            let before = render::count(self.events_before());
            text += &format!("The fault needs {left} of the {before} events{perhaps}: {}\n", escaped(file.display()));
        }
        text
    }

    fn conclusion(&self) -> String {
        let reproduced: Vec<bool> = self.runs.iter().map(|run| run.reproduced).collect();
        let is_same = self.component.digest() == self.bundle.component;
        match (reproduced.contains(&true), reproduced.contains(&false)) {
            (true, false) => String::new(),
            (true, true) => {
                "Both starts should lead to the same state: does the plugin lose data between `snapshot` and `restore`?\n"
                    .into()
            }
            (false, _) if is_same => {
                "The fault may depend on other aggregates in the same sandbox, or on other limits (settings wasm.*).\n".into()
            }
            (false, _) => String::new(),
        }
    }

    fn events_before(&self) -> u64 {
        self.bundle.shortened_from.unwrap_or(self.bundle.events.len() as u64)
    }

    /// Returns the JSON form of the report.
    pub(super) fn json(&self) -> impl Serialize {
        let mut report = bundle_json(self.bundle);
        report["again"] = self.runs.iter().any(|run| run.reproduced).into();
        report["run_on"] = self.component.digest().to_string().into();
        if let Some(ShortenedFile { file, shortened }) = &self.shortened {
            report["shortened"] = json!({
                "file": file.display().to_string(), "events_before": self.events_before(),
                "events": shortened.bundle.events.len(), "runs": shortened.runs, "minimal": shortened.minimal,
            });
        }
        ReportJson { report, runs: self.runs.iter().map(RunJson::of).collect() }
    }
}

/// Returns the JSON form of the subject of a bundle.
pub(super) fn bundle_json(bundle: &Bundle) -> Value {
    let BundleFault { kind, call, message, .. } = &bundle.fault;
    let mut json = json!({
        "aggregate": bundle.aggregate.aggregate_type, "aggregate_id": bundle.aggregate.id, "version": bundle.version,
        "plugin": bundle.plugin, "plugin_version": bundle.plugin_version, "component": bundle.component,
        "recorded": { "kind": kind, "call": call, "message": message },
    });
    if let Some(command) = &bundle.command {
        json["command"] = command.name.clone().into();
        json["command_version"] = command.version.into();
        json["id"] = command.context.command_id.clone().into();
    }
    json
}

/// Renders the name and version of a command.
pub(super) fn command_name(command: &BundleCommand) -> String {
    escaped(format_args!("{} v{}", command.name, command.version))
}

/// Renders a recorded fault on one line.
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
        StartingState::FirstEvent => "the first event",
        StartingState::Snapshot => "the snapshot",
    };
    let events = format!("{} event{}", render::count(run.events as u64), if run.events == 1 { "" } else { "s" });
    let verdict = match run.reproduced {
        true => "the recorded fault happened again",
        false => "the recorded fault did not happen",
    };
    format!("{verdict}: started from {from}, {events}, {component}\n{}", outcome_text(run))
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
        RerunOutcome::Folded => "  all events were folded without a fault\n".into(),
    }
}

fn fault_text(fault: &Fault) -> String {
    let frames = fault.backtrace.iter().enumerate().map(|(at, frame)| format!("  {at:>4}  {}\n", message(frame)));
    format!("  {}\n{}", line(fault.kind, fault.call, &fault.message), frames.collect::<String>())
}

/// The JSON form of the report.
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
