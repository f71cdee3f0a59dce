//! Activates components: verifies them, stores their bytes, and records the activation. Both the running host and the
//! command line use it.

use std::sync::Arc;

use cantus_model::{
    Activation, ActivationCause, ComponentRecord, Digest,
    ports::{
        ActivationAuthor, ActivationLog, Component, ComponentLoader, ComponentStore, Hydrator, Journal, PluginSource,
        Refused, StoreError,
    },
};

use cantus_replay::verify::{self, Candidate, Predecessor, VerificationReport, VerifySettings, Waiver};

use super::activation_state::{ActivationState, PluginHistory};
use crate::Clock;

/// The ports and settings that an activation needs.
#[derive(Clone)]
pub struct Activator {
    /// Records activations.
    pub log: Arc<dyn ActivationLog>,
    /// Reads history for verifications.
    pub history: Arc<dyn Hydrator>,
    /// Checks whether this host still owns the log.
    pub journal: Arc<dyn Journal>,
    /// The author of activations: a host that owns the store, or a person.
    pub author: ActivationAuthor,
    /// The folder of new components.
    pub source: Arc<dyn PluginSource>,
    /// Loads components.
    pub loader: Arc<dyn ComponentLoader>,
    /// Stores the bytes of all components that were live.
    pub components: Arc<dyn ComponentStore>,
    /// The clock for activations.
    pub clock: Arc<dyn Clock>,
    /// The settings of verifications.
    pub verify: VerifySettings,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
}

/// A component, with its bytes if they may not be stored yet.
pub type ComponentWithBytes = (Arc<dyn Component>, Option<Vec<u8>>);

/// A change of the component that is live for a plugin name.
#[derive(Clone, Debug)]
pub struct ActivationChange {
    /// The plugin's name.
    pub plugin: String,
    /// The cause.
    pub cause: ActivationCause,
    /// The author: a person, or a file of the folder.
    pub who: String,
    /// The reason, for people.
    pub why: String,
}

/// The reason why nothing was activated.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The component cannot be loaded, or the host refuses it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Another author recorded an activation at the same moment.
    #[error("another activation was recorded at the same moment: look at `cantus plugin history`, and try again")]
    ConcurrentChange,
}

impl Activator {
    /// Reads the log of activations.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn state(&self) -> Result<ActivationState, StoreError> {
        Ok(ActivationState::new(self.log.components().await?, &self.log.activations(0).await?))
    }

    /// Runs recorded history on `component`, and compares it with the component that is live for its name, or was
    /// last.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn verify(
        &self,
        state: &ActivationState,
        component: Arc<dyn Component>,
        waiver: Option<Waiver>,
    ) -> Result<VerificationReport, StoreError> {
        let against = self.predecessor(state, &component, None).await?;
        self.compare(against, component, waiver).await
    }

    /// Runs recorded history on `component`, and compares it with `against`.
    pub(super) async fn compare(
        &self,
        against: Option<Predecessor>,
        component: Arc<dyn Component>,
        waiver: Option<Waiver>,
    ) -> Result<VerificationReport, StoreError> {
        let candidate = Candidate { component, against, waiver, events_per_command: self.events_per_command };
        verify::verify(Arc::clone(&self.history), candidate, &self.verify).await
    }

    /// Finds the component that is live for the name of `candidate`, or was last: takes it from `running`, or loads
    /// it from the component store.
    pub(super) async fn predecessor(
        &self,
        state: &ActivationState,
        candidate: &Arc<dyn Component>,
        running: Option<&Arc<dyn Component>>,
    ) -> Result<Option<Predecessor>, StoreError> {
        let Some(digest) = state.history(&candidate.manifest().name).and_then(PluginHistory::latest) else {
            return Ok(None);
        };
        let at_hand = running.into_iter().chain([candidate]).find(|component| component.digest() == digest);
        if let Some(component) = at_hand {
            return Ok(Some(Predecessor::loaded(Arc::clone(component))));
        }
        let unknown = || StoreError::Corrupt(format!("the component {digest} was live, and there is no record of it"));
        let manifest = state.manifest(digest).ok_or_else(unknown)?.clone();
        Ok(Some(Predecessor { digest, manifest, component: self.load(digest).await }))
    }

    /// Loads a component that was live once.
    ///
    /// # Errors
    /// If it is missing or damaged.
    pub async fn load(&self, digest: Digest) -> Result<Arc<dyn Component>, Refused> {
        let (components, loader) = (Arc::clone(&self.components), Arc::clone(&self.loader));
        blocking(move || {
            let bytes = components.get_component(digest)?;
            let missing = || Refused(format!("component {} is not in the component store", digest.short()));
            loader.load(&bytes.ok_or_else(missing)?)
        })
        .await
    }

    /// Reports whether the component store has the bytes of a component.
    pub(super) async fn has(&self, digest: Digest) -> bool {
        let components = Arc::clone(&self.components);
        blocking(move || components.get_component(digest)).await.is_ok_and(|bytes| bytes.is_some())
    }

    /// Fails if the author is a host that another host has replaced: such a host must not follow the log any more.
    ///
    /// # Errors
    /// [`StoreError::Fenced`], or if the store cannot be asked.
    pub(super) async fn check_ownership(&self) -> Result<(), StoreError> {
        match self.author {
            // An empty batch is judged by its claim alone.
            ActivationAuthor::Host(claim) => self.journal.commit(claim, &[]).await.map(drop),
            ActivationAuthor::Operator => Ok(()),
        }
    }

    /// Stores `component` and records that it is live from now on; for `None`, records that nothing is.
    ///
    /// # Errors
    /// See [`ActivationError`].
    pub async fn record(
        &self,
        state: &mut ActivationState,
        change: ActivationChange,
        component: Option<ComponentWithBytes>,
        report: Option<&VerificationReport>,
    ) -> Result<Activation, ActivationError> {
        if let Some((component, _)) = &component
            && let Some((other, aggregate)) = state.also_hosts(&change.plugin, &component.manifest().aggregates)
        {
            let why = format!("the plugins {other} and {} both host the aggregate {aggregate}", change.plugin);
            return Err(Refused(why).into());
        }
        let at = self.clock.now();
        let record = component.as_ref().map(|(component, _)| ComponentRecord {
            digest: component.digest(),
            manifest: component.manifest().clone(),
            first_seen: at,
        });
        if let Some((_, Some(bytes))) = component {
            let components = Arc::clone(&self.components);
            blocking(move || components.put_component(&bytes)).await?;
        }
        let activation = Activation {
            seq: state.seq() + 1,
            at,
            from: state.history(&change.plugin).and_then(|history| history.current),
            to: record.as_ref().map(|record| record.digest),
            plugin: change.plugin,
            cause: change.cause,
            who: change.who,
            why: change.why,
            report: report.and_then(|report| serde_json::to_string(report).ok()),
        };
        if !self.log.append_activation(self.author, &activation, record.as_ref()).await? {
            return Err(ActivationError::ConcurrentChange);
        }
        record.into_iter().for_each(|record| state.add_component(record));
        state.apply(&activation);
        Ok(activation)
    }
}

/// Runs a blocking function on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    tokio::task::spawn_blocking(run).await.map_err(|error| Refused(format!("the host failed: {error}")))?
}
