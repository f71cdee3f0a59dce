//! The rules of semver: a patch decides as the version before, a minor version may decide otherwise, and only a major
//! version may remove something.

use std::collections::BTreeSet;

use cantus_model::Manifest;
use semver::Version;

use super::{Candidate, PluginVersion, Predecessor, VerificationReport, VerifySettings, examine::ExaminationResult};
use crate::replay::{DecisionChange, FindingGroup};

/// The distance between two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum VersionStep {
    Patch,
    Minor,
    Major,
}

impl VersionStep {
    /// Before 1.0.0 the minor number counts as the major one, as in Cargo.
    pub(super) fn between(one: &Version, two: &Version) -> Self {
        match () {
            () if one.major != two.major => Self::Major,
            () if one.minor == two.minor => Self::Patch,
            () if one.major == 0 => Self::Major,
            () => Self::Minor,
        }
    }
}

/// The share of history that must be run.
pub(super) struct Coverage {
    /// Count of recorded commands to decide again; `None` if none were requested.
    recorded: Option<u64>,
    /// Count of them that must be decided again.
    required: u64,
}

impl Coverage {
    /// Derives the coverage from the settings and the count of commands that are recorded.
    pub(super) fn of(settings: &VerifySettings, recorded: usize) -> Self {
        Self {
            recorded: (settings.commands > 0).then_some(recorded as u64),
            required: settings.min_commands.min(recorded) as u64,
        }
    }

    /// The reason to refuse a candidate of which too little was checked before the time was up.
    fn refusal(&self, checked: u64, manual_activation: &str) -> Option<String> {
        let recorded = self.recorded.filter(|_| checked < self.required)?;
        Some(format!(
            "{checked} of {recorded} recorded commands were checked before the time was up, and {} must be: raise the \
             setting verify.time_ms, or activate it without a verification: {manual_activation}",
            self.required
        ))
    }
}

/// Makes the report, with the reasons for a refusal if there are any.
pub(super) fn judge(candidate: &Candidate, examined: ExaminationResult, coverage: Coverage) -> VerificationReport {
    let ExaminationResult { mut findings, failures, complete } = examined;
    let component = &*candidate.component;
    let manifest = component.manifest();
    let against = candidate.against.as_ref();
    // Without a predecessor nobody relies on earlier behaviour.
    let step =
        against.map_or(VersionStep::Major, |before| VersionStep::between(&before.manifest.version, &manifest.version));
    let removed = against.map_or_else(Vec::new, |before| removed(&before.manifest, manifest));
    let (recorded, checked) = (coverage.recorded.unwrap_or(0), findings.reached());

    let mut refused = Vec::new();
    refused.extend(failures.iter().map(|failure| match &failure.command_id {
        Some(id) => format!("{}, command {id}: {}", failure.aggregate, failure.message),
        None => format!("{}: {}", failure.aggregate, failure.message),
    }));
    let manual_activation = candidate.manual_activation();
    refused.extend(against.filter(|_| recorded > 0).and_then(|before| before.refusal(&manual_activation)));
    if !complete {
        refused.extend(coverage.refusal(checked, &manual_activation));
    } else if failures.is_empty() && checked < recorded {
        let unreached = recorded - checked;
        refused.push(format!("{unreached} of {recorded} recorded commands could not be reached on their streams"));
    }
    if step < VersionStep::Major && !removed.is_empty() {
        refused.push(format!("it no longer has {}: that takes a new major version", removed.join(", ")));
    }
    let mut other_waiver = None;
    if let (Some(waiver), Some(before)) = (&candidate.waiver, against) {
        match waiver.applies_to(&manifest.name, &before.manifest.version, &manifest.version) {
            Ok(()) => findings.groups.iter_mut().for_each(|group| group.waived = waiver.reason(group)),
            Err(other) => other_waiver = Some(other),
        }
    }
    refused.extend(findings.groups.iter().filter_map(|group| refuse_group(step, group)));
    // A waiver of an earlier release may still be in the folder: it is only mentioned where one is missing.
    refused.extend(other_waiver.filter(|_| !refused.is_empty()));
    VerificationReport {
        plugin: manifest.name.clone(),
        candidate: PluginVersion::of(component),
        against: against.map(Predecessor::named),
        refused,
        complete,
        recorded: coverage.recorded,
        findings,
        failures,
        removed,
    }
}

fn refuse_group(step: VersionStep, group: &FindingGroup) -> Option<String> {
    let difference = format!("{} {} {}: {}", group.count, group.aggregate, group.command, group.change);
    match group.change {
        // The failures are reported in words.
        change if change.is_failure() || group.waived.is_some() => None,
        DecisionChange::Undecided if step < VersionStep::Major => {
            Some(format!("{difference}; that takes a new major version"))
        }
        _ if step == VersionStep::Patch => Some(format!(
            "{difference}; a patch may not change a decision: that takes a new minor version, or a waiver"
        )),
        _ => None,
    }
}

/// The items that `before` declares and `now` does not.
fn removed(before: &Manifest, now: &Manifest) -> Vec<String> {
    let now = declared(now);
    declared(before).into_iter().filter(|item| !now.contains(item)).collect()
}

fn declared(manifest: &Manifest) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    for aggregate in &manifest.aggregates {
        let name = &aggregate.name;
        items.insert(format!("aggregate {name}"));
        items.extend(
            aggregate.commands.iter().map(|command| format!("command {name}.{} v{}", command.name, command.version)),
        );
        items.extend(aggregate.events.iter().map(|event| format!("event {name}.{} v{}", event.name, event.version)));
    }
    items
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn too_few_checked_commands_are_refused_and_the_minimum_is_at_most_the_recorded_ones() {
        let refusal =
            |recorded, checked| Coverage::of(&VerifySettings::default(), recorded).refusal(checked, "COMMAND");
        assert!(
            refusal(1_000, 99)
                .is_some_and(|why| why.starts_with("99 of 1000 recorded commands") && why.contains("and 100 must be"))
        );
        assert_eq!(refusal(1_000, 100), None);
        assert!(refusal(20, 19).is_some_and(|why| why.contains("and 20 must be")));
        assert_eq!((refusal(20, 20), refusal(0, 0)), (None, None));
        let off = VerifySettings { commands: 0, ..VerifySettings::default() };
        assert_eq!(Coverage::of(&off, 0).refusal(0, "COMMAND"), None);
    }

    #[test]
    fn version_steps_follow_cargo() {
        for (one, two, step) in [
            ("1.0.0", "1.0.1", VersionStep::Patch),
            ("1.0.0", "1.1.0", VersionStep::Minor),
            ("1.1.0", "1.0.0", VersionStep::Minor),
            ("1.9.0", "2.0.0", VersionStep::Major),
            ("0.1.0", "0.1.1", VersionStep::Patch),
            ("0.1.0", "0.2.0", VersionStep::Major),
            ("1.0.0-rc.1", "1.0.0", VersionStep::Patch),
        ] {
            assert_eq!(VersionStep::between(&one.parse().unwrap(), &two.parse().unwrap()), step, "{one} {two}");
        }
    }
}
