//! Runs one block of whole streams. A block begins with fresh guests, so its findings do not depend on what other
//! threads ran: the reader cuts the blocks, and any thread may run any of them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use cantus_model::{AggregateRef, Digest, EventBatch, Fault, FaultKind, HistoryPage, RecordedCommand, Timestamp};

use super::{
    FindingExample, FindingsCollector, ReplayOutcome, ReportedDecision, compare,
    config::ReplayConfig,
    report::{EndStates, KindReport},
    variant::{ReplayVariant, StreamPrefix, VariantRole},
};

/// Examples of states and of each perturbation that a report has.
const EXAMPLES: usize = 3;

/// The findings of blocks.
#[derive(Default)]
pub(super) struct BlockFindings {
    pub(super) collector: FindingsCollector,
    pub(super) folded_only: u64,
    pub(super) kinds: BTreeMap<String, KindReport>,
    pub(super) states: EndStateFindings,
    /// For each perturbation, the count of differences and the first examples.
    pub(super) perturbed: Vec<(u64, Vec<FindingExample>)>,
    /// The reason why the host could not run a guest, which says nothing about the guest.
    pub(super) failure: Option<String>,
}

/// The states in which streams end. The sum of their digests does not depend on their order.
#[derive(Default)]
pub(super) struct EndStateFindings {
    sum: [u64; 4],
    differing: u64,
    examples: Vec<(u64, String)>,
}

impl BlockFindings {
    pub(super) fn merge(&mut self, other: Self) {
        self.failure = self.failure.take().or(other.failure);
        self.collector.merge(other.collector);
        self.folded_only += other.folded_only;
        for (name, kind) in other.kinds {
            match self.kinds.entry(name) {
                Entry::Vacant(merged) => {
                    merged.insert(kind);
                }
                Entry::Occupied(mut merged) => {
                    let merged = merged.get_mut();
                    merged.commands += kind.commands;
                    merged.identical += kind.identical;
                    merged.fuel_recorded = sum(merged.fuel_recorded, kind.fuel_recorded);
                    merged.fuel_candidate = sum(merged.fuel_candidate, kind.fuel_candidate);
                }
            }
        }
        self.states.merge(other.states);
        self.perturbed.resize_with(self.perturbed.len().max(other.perturbed.len()), Default::default);
        for (merged, (count, mut examples)) in self.perturbed.iter_mut().zip(other.perturbed) {
            merged.0 += count;
            merged.1.append(&mut examples);
            merged.1.sort_by_key(|example| example.ordinal);
            merged.1.truncate(EXAMPLES);
        }
    }
}

impl EndStateFindings {
    fn add(&mut self, aggregate: &AggregateRef, state: &[u8]) {
        let parts = [aggregate.aggregate_type.as_bytes(), aggregate.id.as_bytes(), state];
        let digest = Digest::of_parts(parts);
        for (sum, bytes) in self.sum.iter_mut().zip(digest.as_bytes().chunks_exact(8)) {
            *sum = sum.wrapping_add(u64::from_le_bytes(bytes.try_into().unwrap_or_default()));
        }
    }

    fn add_difference(&mut self, ordinal: u64, aggregate: &AggregateRef) {
        self.differing += 1;
        self.examples.push((ordinal, aggregate.to_string()));
        self.truncate_examples();
    }

    fn truncate_examples(&mut self) {
        self.examples.sort();
        self.examples.truncate(EXAMPLES);
    }

    fn merge(&mut self, other: Self) {
        for (sum, more) in self.sum.iter_mut().zip(other.sum) {
            *sum = sum.wrapping_add(more);
        }
        self.differing += other.differing;
        self.examples.extend(other.examples);
        self.truncate_examples();
    }

    pub(super) fn finish(self) -> EndStates {
        let mut digest = [0; 32];
        for (bytes, sum) in digest.chunks_exact_mut(8).zip(self.sum) {
            bytes.copy_from_slice(&sum.to_le_bytes());
        }
        let examples = self.examples.into_iter().map(|(_, aggregate)| aggregate).collect();
        EndStates { digest: Digest::from_bytes(digest), differing: self.differing, examples }
    }
}

/// Runs the streams of one block.
pub(super) struct BlockRunner {
    recorded: ReplayVariant,
    candidate: Option<ReplayVariant>,
    perturbed: Vec<ReplayVariant>,
    since: Option<Timestamp>,
    prefix: StreamPrefix,
    /// The numbers of the stream and of the command within it.
    ordinal: (u64, u64),
    findings: BlockFindings,
}

impl BlockRunner {
    /// Creates a runner for a block whose first stream has the number `first`.
    pub(super) fn new(config: &ReplayConfig, first: u64) -> Self {
        let role = config.candidate.map_or(VariantRole::Recorded, VariantRole::Candidate);
        let variant = |role, mode, components: &Arc<_>| {
            ReplayVariant::new(role, mode, Arc::clone(components), config.events_per_command)
        };
        let perturbed =
            config.perturbations.iter().map(|perturbation| variant(role, perturbation.mode, &perturbation.components));
        let mut findings = BlockFindings::default();
        findings.perturbed.resize_with(config.perturbations.len(), Default::default);
        Self {
            recorded: variant(VariantRole::Recorded, super::RunMode::usual(), &config.components),
            candidate: config.candidate.map(|_| variant(role, super::RunMode::usual(), &config.components)),
            perturbed: perturbed.collect(),
            since: config.since,
            prefix: StreamPrefix::default(),
            ordinal: (first, 0),
            findings,
        }
    }

    /// Runs a page. The pages of one stream come one after another.
    pub(super) fn page(&mut self, page: HistoryPage) {
        if self.ordinal.1 == 0 {
            self.prefix = StreamPrefix { aggregate: Some(page.aggregate.clone()), ..StreamPrefix::default() };
            self.variants().for_each(ReplayVariant::begin);
            self.findings.collector.streams += 1;
        }
        for command in &page.commands {
            self.ordinal.1 += 1;
            self.command(command);
        }
        if page.last {
            self.end(&page);
            self.ordinal = (self.ordinal.0 + 1, 0);
        }
    }

    pub(super) fn finish(self) -> BlockFindings {
        self.findings
    }

    fn variants(&mut self) -> impl Iterator<Item = &mut ReplayVariant> {
        std::iter::once(&mut self.recorded).chain(&mut self.candidate).chain(&mut self.perturbed)
    }

    fn command(&mut self, command: &RecordedCommand) {
        let too_early = self.since.is_some_and(|since| command.record.context.now < since);
        let decided = (!too_early).then(|| self.decide(command));
        let fault = self.fold(command);
        match decided {
            // A component that cannot fold the events of its decision faults.
            Some(decided) => {
                let now = fault.map_or(decided.now, ReplayOutcome::Fault);
                self.count(command, RerunCommand { now, ..decided });
            }
            None => self.findings.folded_only += 1,
        }
    }

    /// Folds the events of a command. Returns the fault if the component under replay cannot fold them.
    fn fold(&mut self, command: &RecordedCommand) -> Option<Box<Fault>> {
        if command.events.is_empty() {
            return None;
        }
        self.findings.collector.events += command.events.len() as u64;
        let events: Arc<EventBatch> = Arc::new(command.events.iter().collect());
        if !self.prefix.retained.has_room_for(events.bytes()) {
            let Self { recorded, candidate, perturbed, prefix, .. } = self;
            std::iter::once(recorded)
                .chain(candidate)
                .chain(perturbed)
                .for_each(|variant| variant.join(command, prefix));
        }
        let recorded = self.recorded.fold(&events);
        let now = self.candidate.as_mut().map(|candidate| candidate.fold(&events));
        for variant in &mut self.perturbed {
            // A difference shows in the next decision, or in the state at the end.
            let _ = variant.fold(&events);
        }
        self.prefix.retained.push(events);
        now.unwrap_or(recorded)
    }

    fn decide(&mut self, command: &RecordedCommand) -> RerunCommand {
        let (recorded, fuel_recorded) = self.recorded.decide(command, &self.prefix);
        let candidate = self.candidate.as_mut().map(|candidate| candidate.decide(command, &self.prefix));
        let fuel_candidate = candidate.as_ref().and_then(|(_, fuel)| *fuel);
        let now = candidate.map_or(recorded, |(now, _)| now);
        for (variant, (count, examples)) in self.perturbed.iter_mut().zip(&mut self.findings.perturbed) {
            let (other, _) = variant.decide(command, &self.prefix);
            self.findings.failure = self.findings.failure.take().or_else(|| failure(&other));
            if !is_same(&now, &other) {
                *count += 1;
                if examples.len() < EXAMPLES {
                    examples.push(FindingExample::of(self.ordinal, command, &ReportedDecision::Rerun(&now), &other));
                }
            }
        }
        RerunCommand { now, fuel_recorded, fuel_candidate }
    }

    fn count(&mut self, command: &RecordedCommand, decided: RerunCommand) {
        let RerunCommand { now, fuel_recorded, fuel_candidate } = decided;
        let before = ReportedDecision::recorded(command);
        self.findings.failure = self.findings.failure.take().or_else(|| failure(&now));
        let change = compare(&before, &now);
        let record = &command.record;
        let name = format!("{}.{} v{}", record.aggregate.aggregate_type, record.command.name, record.command.version);
        let kind = self.findings.kinds.entry(name).or_insert_with_key(|name| KindReport {
            command: name.clone(),
            fuel_recorded: Some(0),
            fuel_candidate: Some(0),
            ..KindReport::default()
        });
        kind.commands += 1;
        kind.identical += u64::from(change.is_none());
        kind.fuel_recorded = sum(kind.fuel_recorded, fuel_recorded);
        kind.fuel_candidate = sum(kind.fuel_candidate, fuel_candidate);
        self.findings.collector.add(self.ordinal, command, change, &before, &now);
    }

    fn end(&mut self, HistoryPage { aggregate, commands, .. }: &HistoryPage) {
        let recorded = self.recorded.end();
        let now = self.candidate.as_mut().map(ReplayVariant::end);
        // Without the component that decided there is no state to compare with.
        if recorded.is_some() && now.as_ref().is_some_and(|now| *now != recorded) {
            self.findings.states.add_difference(self.ordinal.0, aggregate);
        }
        let state = now.unwrap_or(recorded);
        for (variant, (count, examples)) in self.perturbed.iter_mut().zip(&mut self.findings.perturbed) {
            let other = variant.end();
            if other != state {
                *count += 1;
                let last = commands.last().filter(|_| examples.len() < EXAMPLES);
                examples.extend(
                    last.map(|last| FindingExample::of_state(self.ordinal, last, state.as_deref(), other.as_deref())),
                );
            }
        }
        self.findings.states.add(aggregate, state.as_deref().unwrap_or(b"none"));
    }
}

/// The sum, or `None` if one of both is not known.
fn sum(one: Option<u64>, two: Option<u64>) -> Option<u64> {
    one.zip(two).map(|(one, two)| one + two)
}

/// A command that was decided again.
struct RerunCommand {
    now: ReplayOutcome,
    fuel_recorded: Option<u64>,
    fuel_candidate: Option<u64>,
}

fn failure(decided: &ReplayOutcome) -> Option<String> {
    match decided {
        ReplayOutcome::Fault(fault) if fault.kind == FaultKind::Host => Some(fault.to_string()),
        _ => None,
    }
}

/// Reports whether two outcomes are the same. Faults are the same if they have one kind and one call, because
/// messages may hold addresses.
fn is_same(one: &ReplayOutcome, two: &ReplayOutcome) -> bool {
    match (one, two) {
        (ReplayOutcome::Fault(one), ReplayOutcome::Fault(two)) => one.kind == two.kind && one.call == two.call,
        _ => one == two,
    }
}
