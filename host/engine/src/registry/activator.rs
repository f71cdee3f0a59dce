//! Makes a component live, in the log: verified first, kept for ever, recorded. What the running host does, and what a
//! person does from the command line, goes through here.

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

/// What it takes to make a component live.
#[derive(Clone)]
pub struct Activator {
    /// Where activations are recorded.
    pub log: Arc<dyn ActivationLog>,
    /// Where history is read from.
    pub history: Arc<dyn Hydrator>,
    /// Who owns the log; asked whether this host still does.
    pub journal: Arc<dyn Journal>,
    /// Who records them: a host that owns the store, or a person.
    pub author: ActivationAuthor,
    /// Where new components come from.
    pub source: Arc<dyn PluginSource>,
    /// Makes them run.
    pub loader: Arc<dyn ComponentLoader>,
    /// Where the bytes of all that were live are stored.
    pub components: Arc<dyn ComponentStore>,
    /// When it happens.
    pub clock: Arc<dyn Clock>,
    /// How much of history is run.
    pub verify: VerifySettings,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
}

/// A component, and its bytes if they may not be kept yet.
pub type ComponentWithBytes = (Arc<dyn Component>, Option<Vec<u8>>);

/// Who makes what live, and why.
#[derive(Clone, Debug)]
pub struct ActivationChange {
    /// The plugin's name.
    pub plugin: String,
    /// What brings it about.
    pub cause: ActivationCause,
    /// A person, or a file of the folder.
    pub who: String,
    /// For people.
    pub why: String,
}

/// Why nothing became live.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The component cannot be had, or is not taken.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Somebody else changed what is live at the same moment.
    #[error("somebody else changed what is live at the same moment: look again")]
    Overtaken,
}

impl Activator {
    /// What the store says of activations.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn state(&self) -> Result<ActivationState, StoreError> {
        Ok(ActivationState::new(self.log.components().await?, &self.log.activations(0).await?))
    }

    /// Runs recorded history on `component`, compared with what is live for its name, or was last.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn verify(
        &self,
        log: &ActivationState,
        component: Arc<dyn Component>,
        waiver: Option<Waiver>,
    ) -> Result<VerificationReport, StoreError> {
        let against = self.predecessor(log, &component, None).await?;
        self.compare(against, component, waiver).await
    }

    /// Runs recorded history on `component`, compared with `against`.
    pub(super) async fn compare(
        &self,
        against: Option<Predecessor>,
        component: Arc<dyn Component>,
        waiver: Option<Waiver>,
    ) -> Result<VerificationReport, StoreError> {
        let candidate = Candidate { component, against, waiver, events_per_command: self.events_per_command };
        verify::verify(Arc::clone(&self.history), candidate, &self.verify).await
    }

    /// What is live for the name of `candidate`, or was last: taken from `running`, or else from the component store.
    pub(super) async fn predecessor(
        &self,
        log: &ActivationState,
        candidate: &Arc<dyn Component>,
        running: Option<&Arc<dyn Component>>,
    ) -> Result<Option<Predecessor>, StoreError> {
        let Some(digest) = log.track(&candidate.manifest().name).and_then(PluginHistory::latest) else {
            return Ok(None);
        };
        let at_hand = running.into_iter().chain([candidate]).find(|component| component.digest() == digest);
        if let Some(component) = at_hand {
            return Ok(Some(Predecessor::loaded(Arc::clone(component))));
        }
        let unknown = || StoreError::Corrupt(format!("the component {digest} was live, and there is no record of it"));
        let manifest = log.manifest(digest).ok_or_else(unknown)?.clone();
        Ok(Some(Predecessor { digest, manifest, component: self.load(digest).await }))
    }

    /// A component that was live once.
    ///
    /// # Errors
    /// If it is gone or damaged.
    pub async fn load(&self, digest: Digest) -> Result<Arc<dyn Component>, Refused> {
        let (components, loader) = (Arc::clone(&self.components), Arc::clone(&self.loader));
        blocking(move || {
            let bytes = components.get_component(digest)?;
            let missing = || Refused(format!("component {} is not in the component store", digest.short()));
            loader.load(&bytes.ok_or_else(missing)?)
        })
        .await
    }

    /// Whether the component store has the bytes of a component.
    pub(super) async fn has(&self, digest: Digest) -> bool {
        let components = Arc::clone(&self.components);
        blocking(move || components.get_component(digest)).await.is_ok_and(|bytes| bytes.is_some())
    }

    /// Fails if the author is a host that another host has replaced: such a host does not follow any more either.
    ///
    /// # Errors
    /// [`StoreError::Fenced`], or if the store cannot be asked.
    pub(super) async fn check_ownership(&self) -> Result<(), StoreError> {
        match self.author {
            // A batch of nothing is judged by its claim alone.
            ActivationAuthor::Host(claim) => self.journal.commit(claim, &[]).await.map(drop),
            ActivationAuthor::Operator => Ok(()),
        }
    }

    /// Keeps `component` and records that it is live from now on; or that nothing is, for `None`.
    ///
    /// # Errors
    /// See [`ActivationError`].
    pub async fn record(
        &self,
        log: &mut ActivationState,
        change: ActivationChange,
        component: Option<ComponentWithBytes>,
        report: Option<&VerificationReport>,
    ) -> Result<Activation, ActivationError> {
        if let Some((component, _)) = &component
            && let Some((other, aggregate)) = log.also_hosts(&change.plugin, &component.manifest().aggregates)
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
            seq: log.seq() + 1,
            at,
            from: log.track(&change.plugin).and_then(|track| track.current),
            to: record.as_ref().map(|record| record.digest),
            plugin: change.plugin,
            cause: change.cause,
            who: change.who,
            why: change.why,
            report: report.and_then(|report| serde_json::to_string(report).ok()),
        };
        if !self.log.append_activation(self.author, &activation, record.as_ref()).await? {
            return Err(ActivationError::Overtaken);
        }
        record.into_iter().for_each(|record| log.know(record));
        log.apply(&activation);
        Ok(activation)
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    tokio::task::spawn_blocking(run).await.map_err(|error| Refused(format!("the host failed: {error}")))?
}
