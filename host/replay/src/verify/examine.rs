//! Runs the steps on the candidate, twice, and on the live component that it is compared with.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cantus_model::{AggregateRef, CommandRecord, EventBatch, Fault, RecordedCommand, Snapshot, ports::HashSeed};
use tokio::sync::mpsc;

use super::{Candidate, VerificationFailure, history_reader::StreamPart, stream_pager::StreamStep};
use crate::replay::{
    ComponentRunner, Findings, FindingsCollector, InstancePlacement, ReplayOutcome, ReportedDecision, RestoreSchedule,
    RunMode, compare,
};

/// Failures that a report describes; one is enough to refuse.
const MAX_FAILURES: usize = 5;

/// The result of an examination.
pub(super) struct ExaminationResult {
    pub(super) findings: Findings,
    pub(super) failures: Vec<VerificationFailure>,
    /// All streams were run before the time was up.
    pub(super) complete: bool,
}

pub(super) struct Examination {
    /// The candidate in the mode of the running host.
    usual: ComponentRunner,
    /// The same candidate in a mode that must not change any decision.
    perturbed: ComponentRunner,
    /// The live component, for commands that another component decided.
    live: Option<ComponentRunner>,
    until: Instant,
    collector: FindingsCollector,
    failures: Vec<VerificationFailure>,
    stream: Option<ExaminedStream>,
}

struct ExaminedStream {
    aggregate: AggregateRef,
    /// The live component runs the stream as well.
    with_live: bool,
    commands: u64,
}

impl Examination {
    pub(super) fn new(candidate: &Candidate, time: Duration) -> Self {
        let Candidate { component, events_per_command, .. } = candidate;
        let runner = |component: &Arc<_>, mode| ComponentRunner::new(Arc::clone(component), mode, *events_per_command);
        let HashSeed(one, two) = HashSeed::default();
        let hash_seed = HashSeed(!one, two ^ 0x5555);
        let (instances, restores) = (InstancePlacement::Apart, RestoreSchedule::PowersOfTwo);
        let perturbed_mode = RunMode { hash_seed, batch: 1, instances, restores };
        Self {
            usual: runner(component, RunMode::usual()),
            perturbed: runner(component, perturbed_mode),
            live: candidate.live().map(|live| runner(live, RunMode::usual())),
            until: Instant::now() + time,
            collector: FindingsCollector::default(),
            failures: Vec::new(),
            stream: None,
        }
    }

    /// Runs the parts until they end or the time is up. One call into a guest has a limit of its own.
    pub(super) fn run(mut self, mut parts: mpsc::Receiver<StreamPart>) -> ExaminationResult {
        let mut complete = true;
        while complete && let Some(part) = parts.blocking_recv() {
            match part {
                StreamPart::Begin(aggregate, records, start) => self.begin(aggregate, &records, start),
                StreamPart::Steps(steps) => complete = self.steps(steps),
                StreamPart::End => self.end(),
            }
        }
        ExaminationResult { findings: self.collector.finish(), failures: self.failures, complete }
    }

    /// Runs steps, and reports whether there was time for all of them.
    fn steps(&mut self, steps: Vec<StreamStep>) -> bool {
        steps.into_iter().all(|step| {
            let in_time = Instant::now() <= self.until;
            if in_time {
                self.step(step);
            }
            in_time
        })
    }

    fn begin(&mut self, aggregate: AggregateRef, records: &[CommandRecord], start: Option<Snapshot>) {
        let live = self.live.as_ref().filter(|live| live.hosts(&aggregate.aggregate_type));
        let with_live = live.is_some_and(|live| records.iter().any(|record| record.component != live.digest()));
        let live = self.live.as_mut().filter(|_| with_live);
        for runner in [&mut self.usual, &mut self.perturbed].into_iter().chain(live) {
            runner.begin_from(aggregate.clone(), start.clone());
        }
        self.collector.streams += 1;
        self.stream = Some(ExaminedStream { aggregate, with_live, commands: 0 });
    }

    fn step(&mut self, step: StreamStep) {
        match step {
            StreamStep::Fold(events) => self.fold(&Arc::new(events)),
            StreamStep::Decide(command) => self.decide(&command),
        }
    }

    fn fold(&mut self, events: &Arc<EventBatch>) {
        self.collector.events += events.len() as u64;
        let Some(ExaminedStream { aggregate, with_live, .. }) = &self.stream else { return };
        if !self.usual.hosts(&aggregate.aggregate_type) {
            return; // the manifest and the undecided commands are reported
        }
        let runners = [&mut self.usual, &mut self.perturbed];
        let [usual, perturbed] = runners.map(|runner| runner.fold(Arc::clone(events)));
        if *with_live && let Some(live) = &mut self.live {
            // The candidate is not responsible for events that the live component cannot fold.
            let _ = live.fold(Arc::clone(events));
        }
        let aggregate = aggregate.clone();
        if let Err(fault) = usual.and(perturbed) {
            let message = self.restore_failure().unwrap_or(format!("it cannot fold the recorded events: {fault}"));
            self.add_failure(&aggregate, None, message);
        }
    }

    /// The failure of an instance that was restored from its own snapshot, if there is one.
    fn restore_failure(&self) -> Option<String> {
        self.perturbed.restore_fault().map(|fault: &Fault| fault.message.clone())
    }

    fn decide(&mut self, command: &RecordedCommand) {
        let Some(stream) = &mut self.stream else { return };
        stream.commands += 1;
        let (ordinal, with_live, aggregate) =
            ((self.collector.streams, stream.commands), stream.with_live, stream.aggregate.clone());
        let record = &command.record;
        let now = self.usual.decide(&record.command, &record.context);
        let mut again = self.perturbed.decide(&record.command, &record.context);
        if stream.commands == 1 {
            // A second call reveals state that the first one left behind.
            again = self.perturbed.decide_again(&record.command, &record.context);
        }
        let live = self.live.as_mut().filter(|live| with_live && live.digest() != record.component);
        let live = live.map(|live| live.decide(&record.command, &record.context));
        let before = match &live {
            Some(live @ ReplayOutcome::Decided(_)) => ReportedDecision::Rerun(live),
            _ => ReportedDecision::recorded(command),
        };
        self.collector.add(ordinal, command, compare(&before, &now), &before, &now);
        let id = record.context.command_id.as_str();
        match (&now, differs(&now, &again)) {
            (ReplayOutcome::Fault(fault), _) => self.add_failure(&aggregate, Some(id), format!("it faults: {fault}")),
            (_, true) => self.add_difference(&aggregate, command, [&now, &again]),
            _ => {}
        }
    }

    /// Adds the failure of a command with two different decisions: because of a restore, or of another difference in
    /// mode.
    fn add_difference(
        &mut self,
        aggregate: &AggregateRef,
        command: &RecordedCommand,
        [now, again]: [&ReplayOutcome; 2],
    ) {
        if let Some(message) = self.restore_failure() {
            return self.add_failure(aggregate, None, message);
        }
        let record = &command.record;
        let problem = match self.perturbed.restore_changes(&record.command, &record.context) {
            true => format!("restore(snapshot) gives another state at version {}", record.base_version),
            false => "it differs from itself".to_owned(),
        };
        let text = |outcome| ReportedDecision::Rerun(outcome).json();
        let message = format!("{problem}: {} and {}", text(now), text(again));
        self.add_failure(aggregate, Some(&record.context.command_id), message);
    }

    fn end(&mut self) {
        let Some(ExaminedStream { aggregate, with_live, .. }) = self.stream.take() else { return };
        if !self.usual.hosts(&aggregate.aggregate_type) {
            return;
        }
        let usual = self.usual.end();
        if let Some(message) = self.state_failure(usual) {
            self.add_failure(&aggregate, None, message);
        }
        self.perturbed.release();
        if with_live && let Some(live) = &mut self.live {
            let _ = live.end();
        }
    }

    /// The failure of the states in which the stream ends, if there is one; `usual` is the state in the usual mode.
    fn state_failure(&mut self, usual: Result<Option<Vec<u8>>, Box<Fault>>) -> Option<String> {
        let perturbed = self.perturbed.last_state();
        let message = match (usual, perturbed) {
            (Ok(Some(usual)), Ok(Some(perturbed))) if usual != perturbed => {
                // If folding all events gives the same state, the restores make the difference.
                match self.perturbed.folded_state() == Some(usual) {
                    true => {
                        "restore(snapshot) gives another state: the events after it lead to different states".to_owned()
                    }
                    false => "it folds the same events to different states".to_owned(),
                }
            }
            (Err(fault), _) | (_, Err(fault)) => {
                self.restore_failure().unwrap_or(format!("it faults when it returns its state: {fault}"))
            }
            _ => return None,
        };
        Some(message)
    }

    fn add_failure(&mut self, aggregate: &AggregateRef, command_id: Option<&str>, message: String) {
        let (aggregate, command_id) = (aggregate.to_string(), command_id.map(ToOwned::to_owned));
        let failure = VerificationFailure { aggregate, command_id, message };
        // A stream that cannot be restored fails once, not at each of its commands.
        if self.failures.len() < MAX_FAILURES && self.failures.last() != Some(&failure) {
            self.failures.push(failure);
        }
    }
}

/// Reports whether two outcomes differ. Two faults of one kind are the same, because messages may hold addresses.
fn differs(one: &ReplayOutcome, two: &ReplayOutcome) -> bool {
    match (one, two) {
        (ReplayOutcome::Fault(one), ReplayOutcome::Fault(two)) => one.kind != two.kind,
        (ReplayOutcome::Undecided(_), ReplayOutcome::Undecided(_)) => false,
        _ => one != two,
    }
}
