//! Makes a component live, in the log: verified first, kept for ever, recorded. What the running host does, and what a
//! person does from the command line, goes through here.

use std::sync::Arc;

use cantus_model::{
    Activation, Cause, ComponentRecord, Digest,
    ports::{ActivationAuthor, Component, PluginSource, Refusal, Store, StoreError},
};

use super::Log;
use crate::{
    Clock,
    verify::{self, Candidate, Predecessor, Report, Waiver},
};

/// What it takes to make a component live.
#[derive(Clone)]
pub struct Activator {
    /// Where history is and activations are recorded.
    pub store: Arc<dyn Store>,
    /// Who records them: a host that owns the store, or a person.
    pub author: ActivationAuthor,
    /// Where components come from and are kept.
    pub source: Arc<dyn PluginSource>,
    /// When it happens.
    pub clock: Arc<dyn Clock>,
    /// How much of history is run.
    pub verify: verify::Settings,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
}

/// A component, and its bytes if they may not be kept yet.
pub type Kept = (Arc<dyn Component>, Option<Vec<u8>>);

/// Who makes what live, and why.
#[derive(Clone, Debug)]
pub struct Change {
    /// The plugin's name.
    pub plugin: String,
    /// What brings it about.
    pub cause: Cause,
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
    Refused(#[from] Refusal),
    /// Somebody else changed what is live at the same moment.
    #[error("somebody else changed what is live at the same moment: look again")]
    Overtaken,
}

impl Activator {
    /// What the store says of activations.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn log(&self) -> Result<Log, StoreError> {
        Ok(Log::new(self.store.components().await?, &self.store.activations(0).await?))
    }

    /// Runs recorded history on `component`, compared with what is live for its name, or was last.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn verify(
        &self,
        log: &Log,
        component: Arc<dyn Component>,
        waiver: Option<Waiver>,
    ) -> Result<Report, StoreError> {
        let against = self.predecessor(log, &component, None).await?;
        self.compare(against, component, waiver).await
    }

    /// Runs recorded history on `component`, compared with `against`.
    pub(super) async fn compare(
        &self,
        against: Option<Predecessor>,
        component: Arc<dyn Component>,
        waiver: Option<Waiver>,
    ) -> Result<Report, StoreError> {
        let candidate = Candidate { component, against, waiver, events_per_command: self.events_per_command };
        verify::verify(&self.store, candidate, &self.verify).await
    }

    /// What is live for the name of `candidate`, or was last: taken from `running`, or else from the component store.
    pub(super) async fn predecessor(
        &self,
        log: &Log,
        candidate: &Arc<dyn Component>,
        running: Option<&Arc<dyn Component>>,
    ) -> Result<Option<Predecessor>, StoreError> {
        let Some(digest) = log.track(&candidate.manifest().name).and_then(super::Track::latest) else {
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
    pub async fn load(&self, digest: Digest) -> Result<Arc<dyn Component>, Refusal> {
        let source = Arc::clone(&self.source);
        blocking(move || {
            let bytes = source.kept(digest)?;
            let missing = || Refusal(format!("component {} is not in the component store", digest.short()));
            source.load(&bytes.ok_or_else(missing)?)
        })
        .await
    }

    /// Whether the component store has the bytes of a component.
    pub(super) async fn has(&self, digest: Digest) -> bool {
        let source = Arc::clone(&self.source);
        blocking(move || source.kept(digest)).await.is_ok_and(|bytes| bytes.is_some())
    }

    /// Fails if the author is a host that another host has replaced: such a host does not follow any more either.
    ///
    /// # Errors
    /// [`StoreError::Fenced`], or if the store cannot be asked.
    pub(super) async fn check_ownership(&self) -> Result<(), StoreError> {
        match self.author {
            // A batch of nothing is judged by its claim alone.
            ActivationAuthor::Host(claim) => self.store.commit(claim, &[]).await.map(drop),
            ActivationAuthor::Operator => Ok(()),
        }
    }

    /// Keeps `component` and records that it is live from now on; or that nothing is, for `None`.
    ///
    /// # Errors
    /// See [`ActivationError`].
    pub async fn record(
        &self,
        log: &mut Log,
        change: Change,
        component: Option<Kept>,
        report: Option<&Report>,
    ) -> Result<Activation, ActivationError> {
        if let Some((component, _)) = &component
            && let Some((other, aggregate)) = log.also_hosts(&change.plugin, &component.manifest().aggregates)
        {
            let why = format!("the plugins {other} and {} both host the aggregate {aggregate}", change.plugin);
            return Err(Refusal(why).into());
        }
        let at = self.clock.now();
        let record = component.as_ref().map(|(component, _)| ComponentRecord {
            digest: component.digest(),
            manifest: component.manifest().clone(),
            first_seen: at,
        });
        if let Some((_, Some(bytes))) = component {
            let source = Arc::clone(&self.source);
            blocking(move || source.keep(&bytes)).await?;
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
        if !self.store.append_activation(self.author, &activation, record.as_ref()).await? {
            return Err(ActivationError::Overtaken);
        }
        record.into_iter().for_each(|record| log.know(record));
        log.apply(&activation);
        Ok(activation)
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(run).await.map_err(|error| Refusal(format!("the host failed: {error}")))?
}
