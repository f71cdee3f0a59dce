//! Examines files, and activates them.

use std::sync::Arc;

use cantus_model::{
    ActivationCause, Digest, LiveComponent,
    ports::{Component, Refused, StoreError},
};
use cantus_replay::verify::{Predecessor, VerificationReport, Waiver};
use semver::Version;

use super::{
    ActivationChange, ActivationError, FileState, PluginHistory, Registry, RegistryNotice,
    activator::blocking,
    tracked_files::{CandidateBytes, RetryWhen, TrackedFile},
};

/// The plugin in a file.
struct PluginIdentity {
    plugin: String,
    version: Version,
    candidate: CandidateBytes,
}

/// The refusal of a file.
pub(super) struct RefusedFile {
    reason: String,
    retry_when: RetryWhen,
    report: Option<Box<VerificationReport>>,
}

impl RefusedFile {
    /// Refuses a file whose name and version belong to other bytes.
    pub(super) fn version_conflict(reason: String) -> Self {
        Self { reason, retry_when: RetryWhen::VersionIsFree, report: None }
    }
}

impl From<Refused> for RefusedFile {
    fn from(refusal: Refused) -> Self {
        Self { reason: refusal.0, retry_when: RetryWhen::FileChanges, report: None }
    }
}

/// The reason why a file was not activated.
pub(super) enum NotActivated {
    /// The host refuses it.
    Refused(RefusedFile),
    /// Something changed meanwhile: the next scan tries again.
    ConcurrentChange,
    /// The store failed.
    Store(StoreError),
}

impl<T: Into<RefusedFile>> From<T> for NotActivated {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<ActivationError> for NotActivated {
    fn from(error: ActivationError) -> Self {
        match error {
            ActivationError::Store(error) => Self::Store(error),
            ActivationError::Refused(refusal) => refusal.into(),
            ActivationError::ConcurrentChange => Self::ConcurrentChange,
        }
    }
}

impl Registry {
    /// Reads a file and finds the plugin in it. Unchanged bytes need no new examination, unless they were refused.
    pub(super) async fn identify(&mut self, name: &str) {
        let source = Arc::clone(&self.activator.source);
        let file_name = name.to_owned();
        let read = self.while_watching(blocking(move || source.read(&file_name))).await;
        let Some(file) = self.files.get_mut(name) else { return };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(refusal) => {
                file.reset(None);
                return self.refuse(name, refusal.into());
            }
        };
        let digest = Digest::of(&bytes);
        if file.status.digest == Some(digest) && file.status.state != FileState::Refused {
            return;
        }
        file.reset(Some(digest));
        match self.examine(name, digest, bytes).await {
            Ok(PluginIdentity { plugin, version, candidate }) => {
                let Some(file) = self.files.get_mut(name) else { return };
                (file.status.plugin, file.status.version) = (Some(plugin), Some(version));
                file.set(FileState::Compiled, None);
                file.candidate = Some(candidate);
                self.publish_statuses();
                if let Some(conflict) = self.files.get(name).and_then(|file| self.version_conflict(file)) {
                    self.refuse(name, conflict);
                }
            }
            Err(refusal) => self.refuse(name, refusal.into()),
        }
    }

    async fn examine(&mut self, name: &str, digest: Digest, bytes: Vec<u8>) -> Result<PluginIdentity, Refused> {
        if let Some((plugin, version)) = self.activations.component(digest) {
            // It was live before, so it is only loaded if it is activated again.
            let (plugin, version) = (plugin.clone(), version.clone());
            return Ok(PluginIdentity { plugin, version, candidate: CandidateBytes { bytes, component: None } });
        }
        let loader = Arc::clone(&self.activator.loader);
        let bytes = self.while_watching(blocking(move || loader.validate(&bytes).map(|()| bytes))).await?;
        if let Some(file) = self.files.get_mut(name) {
            file.set(FileState::Validated, None);
        }
        self.publish_statuses();
        let loader = Arc::clone(&self.activator.loader);
        let load = blocking(move || loader.load(&bytes).map(|component| (bytes, component)));
        let (bytes, component) = self.while_watching(load).await?;
        let manifest = component.manifest();
        let (plugin, version) = (manifest.name.clone(), manifest.version.clone());
        Ok(PluginIdentity { plugin, version, candidate: CandidateBytes { bytes, component: Some(component) } })
    }

    /// Returns the refusal if a file's name and version belong to other bytes: to a component that was live, or to
    /// another file.
    pub(super) fn version_conflict(&self, file: &TrackedFile) -> Option<RefusedFile> {
        self.conflict_with_live(file).or_else(|| self.conflict_with_file(file))
    }

    /// Returns the refusal if its name and version were live with other bytes.
    pub(super) fn conflict_with_live(&self, file: &TrackedFile) -> Option<RefusedFile> {
        let (plugin, version) = (file.status.plugin.as_ref()?, file.status.version.as_ref()?);
        let (digest, other) = (file.status.digest?, self.activations.digest_of(plugin, version)?);
        let reason = format!(
            "{plugin} {version} was live with other bytes ({}, this is {}): give a change a version of its own",
            other.short(),
            digest.short()
        );
        (other != digest).then(|| RefusedFile::version_conflict(reason))
    }

    fn conflict_with_file(&self, file: &TrackedFile) -> Option<RefusedFile> {
        let (plugin, version) = (file.status.plugin.as_ref()?, file.status.version.as_ref()?);
        let has_same_version = |other: &&TrackedFile| {
            other.status.file != file.status.file
                && other.is_candidate()
                && other.status.version.as_ref() == Some(version)
                && other.status.digest != file.status.digest
        };
        let other = &self.files.of(plugin).find(has_same_version)?.status.file;
        Some(RefusedFile::version_conflict(format!(
            "{other} is {plugin} {version} too, with other bytes: remove one of them"
        )))
    }

    /// Verifies the component in a file, stores and activates it.
    pub(super) async fn activate(&mut self, plugin: &str, name: &str) -> Result<(), NotActivated> {
        let (component, bytes) = self.load_candidate(name).await?.ok_or(NotActivated::ConcurrentChange)?;
        if let Some(refusal) = self.aggregate_conflict(plugin, &*component) {
            return Err(refusal.into());
        }
        let waiver_text = self.waiver(name).await;
        let retry_when = RetryWhen::WaiverChanges { waiver: fingerprint(&waiver_text) };
        let waiver = match waiver_text.and_then(|text| text.as_deref().map(parse_waiver).transpose()) {
            Ok(waiver) => waiver,
            Err(Refused(reason)) => return Err(RefusedFile { reason, retry_when, report: None }.into()),
        };
        let running = self.live.get(plugin).map(|live| &live.live.component);
        let against =
            self.activator.predecessor(&self.activations, &component, running).await.map_err(NotActivated::Store)?;
        let before = against.as_ref().map(|against| against.digest);
        let retry_when = match &against {
            Some(Predecessor { digest, component: Err(_), .. }) if !self.activator.has(*digest).await => {
                RetryWhen::PredecessorIsStored(*digest)
            }
            _ => retry_when,
        };
        let (activator, candidate) = (self.activator.clone(), Arc::clone(&component));
        let verification = async move { activator.compare(against, candidate, waiver).await };
        let report = self.while_watching(verification).await.map_err(NotActivated::Store)?;
        if self.activations.history(plugin).and_then(PluginHistory::latest) != before {
            // The host rolled back meanwhile, so it was compared with the wrong component.
            return Err(NotActivated::ConcurrentChange);
        }
        if !report.is_allowed() {
            let (reason, report) = (report.refused.join("; "), Some(Box::new(report)));
            return Err(RefusedFile { reason, retry_when, report }.into());
        }
        if let Some(file) = self.files.get_mut(name) {
            file.set(FileState::Verified, None);
        }
        self.publish_statuses();
        let why = summary(&report);
        let change = ActivationChange { plugin: plugin.into(), cause: ActivationCause::Dropped, who: name.into(), why };
        let component_and_bytes = Some((Arc::clone(&component), Some(bytes)));
        let activation =
            self.activator.record(&mut self.activations, change, component_and_bytes, Some(&report)).await?;
        self.replace(&activation, LiveComponent::new(component), Some(name.into()));
        self.announce(activation, Some(report));
        Ok(())
    }

    /// Returns the component and bytes of a file as they were read. `None` if they are no longer in memory and the
    /// file has changed: the next scan reads it.
    async fn load_candidate(&mut self, name: &str) -> Result<Option<(Arc<dyn Component>, Vec<u8>)>, Refused> {
        let Some(file) = self.files.get_mut(name) else { return Ok(None) };
        let (candidate, digest) = (file.candidate.take(), file.status.digest);
        let (source, loader) = (Arc::clone(&self.activator.source), Arc::clone(&self.activator.loader));
        let name = name.to_owned();
        let fetch = blocking(move || {
            let CandidateBytes { bytes, component } = match candidate {
                Some(candidate) => candidate,
                None => CandidateBytes { bytes: source.read(&name)?, component: None },
            };
            if Some(Digest::of(&bytes)) != digest {
                return Ok(None);
            }
            let component = component.map_or_else(|| loader.load(&bytes), Ok)?;
            Ok(Some((component, bytes)))
        });
        self.while_watching(fetch).await
    }

    fn aggregate_conflict(&self, plugin: &str, component: &dyn Component) -> Option<RefusedFile> {
        component.manifest().aggregates.iter().find_map(|aggregate| {
            let hosts = |live: &LiveComponent| live.component.manifest().aggregate(&aggregate.name).is_some();
            let (other, live) = self.live.iter().find(|(name, live)| *name != plugin && hosts(&live.live))?;
            let advice = match live.had_file {
                true => "remove one of them".to_owned(),
                false => format!("`cantus plugin deactivate {other}` ends the one whose file is not in the folder"),
            };
            let reason =
                format!("the plugins {other} and {plugin} both host the aggregate {}: {advice}", aggregate.name);
            Some(RefusedFile { reason, retry_when: RetryWhen::HostIsGone(live.digest()), report: None })
        })
    }

    /// Reads the waiver beside a file.
    async fn waiver(&self, name: &str) -> Result<Option<String>, Refused> {
        let (source, name) = (Arc::clone(&self.activator.source), name.to_owned());
        blocking(move || source.waiver(&name)).await
    }

    /// Reports whether the waiver beside a file has another [`fingerprint`] than `before`.
    pub(super) async fn is_waiver_changed(&self, name: &str, before: Digest) -> bool {
        fingerprint(&self.waiver(name).await) != before
    }

    pub(super) fn refuse(&mut self, name: &str, refusal: RefusedFile) {
        let RefusedFile { reason, retry_when, report } = refusal;
        let Some(file) = self.files.get_mut(name) else { return };
        file.set(FileState::Refused, Some(reason));
        file.retry_when = retry_when;
        let status = file.status.clone();
        self.notify(&RegistryNotice::Refused { status, report });
        self.publish_statuses();
    }
}

fn parse_waiver(waiver: &str) -> Result<Waiver, Refused> {
    Waiver::parse(waiver).map_err(|error| Refused(error.to_string()))
}

/// Identifies the content of a waiver, its absence, or the error of reading it.
fn fingerprint(waiver: &Result<Option<String>, Refused>) -> Digest {
    Digest::of(format!("{waiver:?}").as_bytes())
}

/// Summarises a verification in one line.
fn summary(report: &VerificationReport) -> String {
    let coverage = report.coverage();
    let found = match (report.findings.commands, report.differing()) {
        (0, _) => coverage,
        (_, 0) => format!("{coverage}, all decided alike"),
        (_, differing) => format!("{coverage}, {differing} decided otherwise"),
    };
    if report.complete { found } else { format!("{found}; there was no time for more") }
}
