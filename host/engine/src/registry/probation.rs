//! Watches a component for a while after it went live, and goes back by itself if it faults too often.

use std::time::{Duration, Instant};

use cantus_model::{Activation, Cause, ports::StoreError};

use super::{ActivationChange, ActivationError, Notice, Registry, Settings};
use crate::Live;

/// Who goes back by itself.
const WATCH: &str = "the watch after a swap";

/// A component that has to prove itself.
pub(super) struct Probation {
    until: Instant,
    /// What was live before.
    before: Live,
}

impl Probation {
    /// Going back is not watched: it leads to what was proven.
    pub(super) fn of(activation: &Activation, before: Live, settings: &Settings) -> Option<Self> {
        let watched = matches!(activation.cause, Cause::Dropped | Cause::Activated) && settings.watch_faults > 0;
        let until = Instant::now() + Duration::from_millis(settings.watch_ms);
        (watched && activation.from == Some(before.component.digest())).then_some(Self { until, before })
    }
}

impl Registry {
    /// Goes back from what faulted too often, and stops watching what has proven itself.
    pub(super) async fn check_probations(&mut self) -> Result<(), StoreError> {
        let mut failed = Vec::new();
        for (name, plugin) in &mut self.live {
            let Some(probation) = &plugin.probation else { continue };
            let (faults, last) = plugin.live.health.faults();
            if faults >= self.settings.watch_faults {
                failed.push((name.clone(), probation.before.clone(), faults, last.unwrap_or_default()));
            } else if Instant::now() > probation.until {
                plugin.probation = None;
            }
        }
        for (plugin, before, faults, last) in failed {
            let why = format!("{faults} faults since it went live, the last one: {last}");
            let change =
                ActivationChange { plugin: plugin.clone(), cause: Cause::Faulted, who: WATCH.into(), why: why.clone() };
            let component = Some((before.component.clone(), None));
            match self.activator.record(&mut self.log, change, component, None).await {
                Ok(activation) => {
                    self.replace(&activation, Live::new(before.component), None);
                    self.announce(activation, None);
                }
                Err(ActivationError::Store(error)) => return Err(error),
                Err(ActivationError::Overtaken) => {} // perhaps somebody else has gone back: the next look sees it
                Err(ActivationError::Refused(refusal)) => {
                    self.tell(&Notice::Trouble(format!("{plugin} stays as it is, after {why}: {refusal}")));
                    if let Some(live) = self.live.get_mut(&plugin) {
                        live.probation = None; // once is enough
                    }
                }
            }
        }
        Ok(())
    }
}
