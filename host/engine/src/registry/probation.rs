//! Judges a component that went live recently.

use std::time::{Duration, Instant};

use cantus_model::{Activation, ActivationCause, HealthCounts, LiveComponent};

use super::settings::RegistrySettings;

/// The period in which a component that went live is compared with the one before it.
pub(super) struct Probation {
    pub(super) until: Instant,
    /// The component that was live before.
    pub(super) before: LiveComponent,
    /// Its counts when it was replaced.
    counts_before: HealthCounts,
}

impl Probation {
    /// Starts the probation of an activation. A rollback has none, because it leads to a component that has proven
    /// itself.
    pub(super) fn start(activation: &Activation, before: LiveComponent, settings: &RegistrySettings) -> Option<Self> {
        let watched = matches!(activation.cause, ActivationCause::Dropped | ActivationCause::Activated)
            && settings.watch_faults > 0;
        let until = Instant::now() + Duration::from_millis(settings.watch_ms);
        let counts_before = before.health.counts();
        (watched && activation.from == Some(before.component.digest())).then_some(Self { until, before, counts_before })
    }

    /// Returns the reason why the component with these counts has failed, if it has.
    pub(super) fn failure(&self, now: HealthCounts, last: Option<String>, watch_faults: u64) -> Option<String> {
        if now.faults < watch_faults || !is_worse(self.counts_before, now, watch_faults) {
            return None;
        }
        let last = last.unwrap_or_default();
        Some(match self.counts_before.faults {
            0 => format!("{} faults since it went live, the last one: {last}", now.faults),
            before => format!(
                "{} faults in {} commands since it went live, {before} in {} before, the last one: {last}",
                now.faults,
                now.attempts(),
                self.counts_before.attempts()
            ),
        })
    }
}

/// Reports whether a component is worse than the one before it: by `watch_faults` more than twice the faults that the
/// one before would have had in as many attempts. Twice, because the same share of faults comes in bursts. Few
/// attempts prove little, so `watch_faults` good ones are added to those before.
fn is_worse(before: HealthCounts, now: HealthCounts, watch_faults: u64) -> bool {
    let [faults, attempts] = [before.faults, before.attempts() + watch_faults].map(u128::from);
    let excess = u128::from(now.faults.saturating_sub(watch_faults));
    excess * attempts >= 2 * faults * u128::from(now.attempts()) && now.faults >= watch_faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_component_that_faults_more_than_the_one_before_is_worse() {
        let is_worse = |(faults_before, decided_before), (faults, decided)| {
            let [before, now] = [(faults_before, decided_before), (faults, decided)]
                .map(|(faults, decided)| HealthCounts { faults, decided });
            is_worse(before, now, 5)
        };
        assert!(is_worse((0, 0), (5, 0)) && is_worse((0, 1_000), (5, 100_000)), "the one before had none");
        assert!(!is_worse((0, 0), (4, 0)));
        assert!(!is_worse((10, 10), (10, 10)) && !is_worse((50, 9_950), (320, 59_680)), "as often as before");
        assert!(is_worse((50, 9_950), (700, 59_300)), "twice as often");
        assert!(!is_worse((3, 0), (10, 0)) && is_worse((3, 0), (30, 0)), "little was known before");
    }
}
