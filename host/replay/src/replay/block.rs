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
                Entry::Vacant(ours) => {
                    ours.insert(kind);
                }
                Entry::Occupied(mut ours) => {
                    let ours = ours.get_mut();
                    ours.commands += kind.commands;
                    ours.identical += kind.identical;
                    ours.fuel_recorded = sum(ours.fuel_recorded, kind.fuel_recorded);
                    ours.fuel_candidate = sum(ours.fuel_candidate, kind.fuel_candidate);
                }
            }
        }
        self.states.merge(other.states);
        self.perturbed.resize_with(self.perturbed.len().max(other.perturbed.len()), Default::default);
        for (ours, (count, mut examples)) in self.perturbed.iter_mut().zip(other.perturbed) {
            ours.0 += count;
            ours.1.append(&mut examples);
            ours.1.sort_by_key(|example| example.place);
            ours.1.truncate(EXAMPLES);
        }
    }
}

impl EndStateFindings {
    fn add(&mut self, aggregate: &AggregateRef, state: &[u8]) {
        let name = [aggregate.aggregate_type.as_bytes(), aggregate.id.as_bytes(), state];
        let digest = Digest::of_parts(name);
        for (sum, bytes) in self.sum.iter_mut().zip(digest.as_bytes().chunks_exact(8)) {
            *sum = sum.wrapping_add(u64::from_le_bytes(bytes.try_into().unwrap_or_default()));
        }
    }

    fn differ(&mut self, place: u64, aggregate: &AggregateRef) {
        self.differing += 1;
        self.examples.push((place, aggregate.to_string()));
        self.shorten();
    }

    fn shorten(&mut self) {
        self.examples.sort();
        self.examples.truncate(EXAMPLES);
    }

    fn merge(&mut self, other: Self) {
        for (sum, more) in self.sum.iter_mut().zip(other.sum) {
            *sum = sum.wrapping_add(more);
        }
        self.differing += other.differing;
        self.examples.extend(other.examples);
        self.shorten();
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
    track: StreamPrefix,
    /// The numbers of the stream and of the command within it.
    place: (u64, u64),
    found: BlockFindings,
}

impl BlockRunner {
    /// Creates a runner for a block whose first stream has the number `first`.
    pub(super) fn new(config: &ReplayConfig, first: u64) -> Self {
        let role = config.candidate.map_or(VariantRole::Recorded, VariantRole::Candidate);
        let variant = |role, mode, components: &Arc<_>| {
            ReplayVariant::new(role, mode, Arc::clone(components), config.events_per_command)
        };
        let perturbed = config.perturbations.iter().map(|it| variant(role, it.mode, &it.components));
        let mut found = BlockFindings::default();
        found.perturbed.resize_with(config.perturbations.len(), Default::default);
        Self {
            recorded: variant(VariantRole::Recorded, super::RunMode::usual(), &config.components),
            candidate: config.candidate.map(|_| variant(role, super::RunMode::usual(), &config.components)),
            perturbed: perturbed.collect(),
            since: config.since,
            track: StreamPrefix::default(),
            place: (first, 0),
            found,
        }
    }

    /// Runs a page. The pages of one stream come one after another.
    pub(super) fn page(&mut self, page: HistoryPage) {
        if self.place.1 == 0 {
            self.track = StreamPrefix { aggregate: Some(page.aggregate.clone()), ..StreamPrefix::default() };
            self.variants().for_each(ReplayVariant::begin);
            self.found.collector.streams += 1;
        }
        for command in &page.commands {
            self.place.1 += 1;
            self.command(command);
        }
        if page.last {
            self.end(&page);
            self.place = (self.place.0 + 1, 0);
        }
    }

    pub(super) fn finish(self) -> BlockFindings {
        self.found
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
                self.count(command, RedecidedCommand { now, ..decided });
            }
            None => self.found.folded_only += 1,
        }
    }

    /// Folds the events of a command. Returns the fault if the component under replay cannot fold them.
    fn fold(&mut self, command: &RecordedCommand) -> Option<Box<Fault>> {
        if command.events.is_empty() {
            return None;
        }
        self.found.collector.events += command.events.len() as u64;
        let events: Arc<EventBatch> = Arc::new(command.events.iter().collect());
        if !self.track.kept.has_room_for(events.bytes()) {
            let Self { recorded, candidate, perturbed, track, .. } = self;
            std::iter::once(recorded)
                .chain(candidate)
                .chain(perturbed)
                .for_each(|variant| variant.join(command, track));
        }
        let then = self.recorded.fold(&events);
        let now = self.candidate.as_mut().map(|candidate| candidate.fold(&events));
        for variant in &mut self.perturbed {
            // A difference shows in the next decision, or in the state at the end.
            let _ = variant.fold(&events);
        }
        self.track.kept.push(events);
        now.unwrap_or(then)
    }

    fn decide(&mut self, command: &RecordedCommand) -> RedecidedCommand {
        let (then, fuel_recorded) = self.recorded.decide(command, &self.track);
        let candidate = self.candidate.as_mut().map(|candidate| candidate.decide(command, &self.track));
        let fuel_candidate = candidate.as_ref().and_then(|(_, fuel)| *fuel);
        let now = candidate.map_or(then, |(now, _)| now);
        for (variant, (count, examples)) in self.perturbed.iter_mut().zip(&mut self.found.perturbed) {
            let (other, _) = variant.decide(command, &self.track);
            self.found.failure = self.found.failure.take().or_else(|| failure(&other));
            if !is_alike(&now, &other) {
                *count += 1;
                if examples.len() < EXAMPLES {
                    examples.push(FindingExample::of(self.place, command, &ReportedDecision::Redecided(&now), &other));
                }
            }
        }
        RedecidedCommand { now, fuel_recorded, fuel_candidate }
    }

    fn count(&mut self, command: &RecordedCommand, decided: RedecidedCommand) {
        let RedecidedCommand { now, fuel_recorded, fuel_candidate } = decided;
        let before = ReportedDecision::recorded(command);
        self.found.failure = self.found.failure.take().or_else(|| failure(&now));
        let change = compare(&before, &now);
        let record = &command.record;
        let name = format!("{}.{} v{}", record.aggregate.aggregate_type, record.command.name, record.command.version);
        let kind = self.found.kinds.entry(name).or_insert_with_key(|name| KindReport {
            command: name.clone(),
            fuel_recorded: Some(0),
            fuel_candidate: Some(0),
            ..KindReport::default()
        });
        kind.commands += 1;
        kind.identical += u64::from(change.is_none());
        kind.fuel_recorded = sum(kind.fuel_recorded, fuel_recorded);
        kind.fuel_candidate = sum(kind.fuel_candidate, fuel_candidate);
        self.found.collector.add(self.place, command, change, &before, &now);
    }

    fn end(&mut self, HistoryPage { aggregate, commands, .. }: &HistoryPage) {
        let then = self.recorded.end();
        let now = self.candidate.as_mut().map(ReplayVariant::end);
        // Without the component that decided there is no state to compare with.
        if then.is_some() && now.as_ref().is_some_and(|now| *now != then) {
            self.found.states.differ(self.place.0, aggregate);
        }
        let state = now.unwrap_or(then);
        for (variant, (count, examples)) in self.perturbed.iter_mut().zip(&mut self.found.perturbed) {
            let other = variant.end();
            if other != state {
                *count += 1;
                let last = commands.last().filter(|_| examples.len() < EXAMPLES);
                examples.extend(
                    last.map(|last| FindingExample::of_state(self.place, last, state.as_deref(), other.as_deref())),
                );
            }
        }
        self.found.states.add(aggregate, state.as_deref().unwrap_or(b"none"));
    }
}

/// The sum, or `None` if one of both is not known.
fn sum(one: Option<u64>, two: Option<u64>) -> Option<u64> {
    one.zip(two).map(|(one, two)| one + two)
}

/// A command that was decided again.
struct RedecidedCommand {
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
fn is_alike(one: &ReplayOutcome, two: &ReplayOutcome) -> bool {
    match (one, two) {
        (ReplayOutcome::Fault(one), ReplayOutcome::Fault(two)) => one.kind == two.kind && one.call == two.call,
        _ => one == two,
    }
}
