//! Watches components on probation, and goes back from one that faults too often.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use cantus_model::{ActivationCause, LiveComponent, ports::StoreError};

use super::{ActivationChange, ActivationError, Registry, RegistryNotice};

/// The author in the log of activations when the host goes back by itself.
const WATCH: &str = "the watch after a swap";

impl Registry {
    /// Waits for work on a file, and meanwhile goes back from a component that faults too often: its commands must
    /// not fault for as long as the work takes.
    pub(super) async fn while_watching<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let pause = Duration::from_millis(self.settings.settle_ms);
        while self.live.values().any(|plugin| plugin.probation.is_some()) {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(pause) => {}
            }
            if self.check_probations().await.is_err() {
                break; // the next scan meets the same error, and reports it
            }
        }
        work.await
    }

    /// Goes back from components that faulted too often, and ends expired probations.
    pub(super) async fn check_probations(&mut self) -> Result<(), StoreError> {
        let mut failed = Vec::new();
        for (name, plugin) in &mut self.live {
            let Some(probation) = &plugin.probation else { continue };
            let (counts, last) = (plugin.live.health.counts(), plugin.live.health.last_fault());
            if let Some(why) = probation.failure(counts, last, self.settings.watch_faults) {
                failed.push((name.clone(), probation.before.clone(), why));
            } else if Instant::now() > probation.until {
                plugin.probation = None;
            }
        }
        for (plugin, before, why) in failed {
            let change = ActivationChange {
                plugin: plugin.clone(),
                cause: ActivationCause::Faulted,
                who: WATCH.into(),
                why: why.clone(),
            };
            let component = Some((before.component.clone(), None));
            match self.activator.record(&mut self.activations, change, component, None).await {
                Ok(activation) => {
                    self.replace(&activation, LiveComponent::new(before.component), None);
                    self.announce(activation, None);
                }
                Err(ActivationError::Store(error)) => return Err(error),
                Err(ActivationError::ConcurrentChange) => {} // perhaps by a person: the next scan applies it
                Err(ActivationError::Refused(refusal)) => {
                    self.notify(&RegistryNotice::Problem(format!(
                        "{plugin} is not rolled back, after {why}: {refusal}"
                    )));
                    if let Some(live) = self.live.get_mut(&plugin) {
                        live.probation = None; // it is reported once
                    }
                }
            }
        }
        Ok(())
    }
}
