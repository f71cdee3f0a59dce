//! What a person decides about plugins: activate, roll back, deactivate, verify. It works beside a running host, which follows
//! the log of activations, and without one.

use std::sync::Arc;

use cantus_engine::registry::{ActivationChange, ActivationState, Activator};
use cantus_model::{
    Activation, ActivationCause, Digest,
    ports::{ActivationAuthor, Component},
};
use cantus_replay::verify::{VerificationReport, Waiver};
use semver::Version;

use crate::{
    HostError, HostSettings,
    activator::activator,
    components::{self, CachePolicy, StoredComponents},
};

/// Characters of a digest that are enough to name it.
const SHORTEST_DIGEST: usize = 6;

/// Who decides, and why, for the log of activations.
#[derive(Clone, Debug)]
pub struct ActivationReason {
    /// A person.
    pub who: String,
    /// For those who look later.
    pub why: String,
}

impl ActivationReason {
    fn change(self, plugin: &str, cause: ActivationCause) -> ActivationChange {
        ActivationChange { plugin: plugin.to_owned(), cause, who: self.who, why: self.why }
    }
}

/// Whether recorded history is run on a component before it is activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationCheck {
    /// It is, and a difference that is not allowed refuses it.
    Verified,
    /// It is not: whoever gives the reason answers for it.
    Unverified,
}

/// An activation that was recorded.
#[derive(Clone, Debug)]
pub struct ActivationDone {
    /// As it was recorded.
    pub activation: Activation,
    /// The version that is live now, if one is.
    pub version: Option<Version>,
    /// The version that was live before, if one was.
    pub before: Option<Version>,
}

/// A component, with its bytes if they are not stored yet.
type FoundComponent = (Arc<dyn Component>, Option<Vec<u8>>);

/// Decides what is live.
pub struct Operations {
    settings: HostSettings,
    activator: Activator,
}

impl Operations {
    /// Opens the store of the settings, which must be there.
    ///
    /// # Errors
    /// If the store, the folder of plugins or the data folder cannot be opened.
    pub async fn open(settings: &HostSettings) -> Result<Self, HostError> {
        cantus_store::open_read_only(&settings.store).await?; // an activation makes no store
        let store = cantus_store::open(&settings.store, settings.store_partitions).await?;
        let loader = Arc::new(components::runtime(settings, CachePolicy::Create)?);
        let stored = Arc::new(StoredComponents::create(settings)?);
        let activator = activator(settings, &store, ActivationAuthor::Operator, loader, stored)?;
        Ok(Self::new(settings.clone(), activator))
    }

    /// Opens the store of the settings for reading: enough to verify.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_read_only(settings: &HostSettings) -> Result<Self, HostError> {
        let store = cantus_store::open_read_only(&settings.store).await?;
        let loader = Arc::new(components::runtime(settings, CachePolicy::UseExisting)?);
        let stored = Arc::new(StoredComponents::open(settings)?);
        Ok(Self::new(settings.clone(), activator(settings, &store, ActivationAuthor::Operator, loader, stored)?))
    }

    pub(crate) fn new(settings: HostSettings, activator: Activator) -> Self {
        Self { settings, activator }
    }

    /// Runs recorded history on a component, compared with what is live for its name, or was last. Records nothing.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn verify(
        &self,
        component: Arc<dyn Component>,
        waiver: Option<Waiver>,
    ) -> Result<VerificationReport, HostError> {
        let state = self.activator.state().await?;
        Ok(self.activator.verify(&state, component, waiver).await?)
    }

    /// Makes a component live. `named` is `NAME@VERSION`, or the first characters of a digest: of one that was live before, or
    /// of a file in the folder of plugins.
    ///
    /// # Errors
    /// [`HostError::Verification`] if recorded history does not allow it; else if there is no such component, it is live
    /// already, or it may not go live.
    pub async fn activate(
        &self,
        named: &str,
        check: ActivationCheck,
        reason: ActivationReason,
    ) -> Result<ActivationDone, HostError> {
        let mut state = self.activator.state().await?;
        let (component, bytes) = self.find(&state, named).await?;
        let plugin = component.manifest().name.clone();
        if state.history(&plugin).and_then(|history| history.current) == Some(component.digest()) {
            return Err(HostError::NotFound(format!("{} is live already", components::name_of(&*component))));
        }
        let report = match check {
            ActivationCheck::Unverified => None,
            ActivationCheck::Verified => Some(self.activator.verify(&state, Arc::clone(&component), None).await?),
        };
        match report {
            Some(report) if !report.is_allowed() => Err(HostError::Verification(Box::new(report))),
            report => {
                let change = reason.change(&plugin, ActivationCause::Activated);
                let activation =
                    self.activator.record(&mut state, change, Some((component, bytes)), report.as_ref()).await?;
                Ok(done(activation, &state))
            }
        }
    }

    /// Goes back to what was live before, without verification.
    ///
    /// # Errors
    /// If there is nothing to go back to.
    pub async fn rollback(&self, plugin: &str, reason: ActivationReason) -> Result<ActivationDone, HostError> {
        let mut state = self.activator.state().await?;
        let history = state.history(plugin);
        let history = history.ok_or_else(|| HostError::NotFound(format!("no plugin {plugin} was ever live")))?;
        let none = || HostError::NotFound(format!("nothing of {plugin} was live before: there is no way back"));
        let component = self.activator.load(history.previous().ok_or_else(none)?).await.map_err(HostError::plugin)?;
        let change = reason.change(plugin, ActivationCause::RolledBack);
        let activation = self.activator.record(&mut state, change, Some((component, None)), None).await?;
        Ok(done(activation, &state))
    }

    /// Ends a plugin: nothing of it is live any more.
    ///
    /// # Errors
    /// If it is not live, or a file of it lies in the folder of plugins.
    pub async fn deactivate(&self, plugin: &str, reason: ActivationReason) -> Result<ActivationDone, HostError> {
        let mut state = self.activator.state().await?;
        if state.history(plugin).and_then(|history| history.current).is_none() {
            return Err(HostError::NotFound(format!("no plugin {plugin} is live")));
        }
        if self.in_folder(|component| component.manifest().name == plugin).is_some() {
            let advice = "take it out first, or it goes live again";
            let error = format!("a file of {plugin} lies in the folder of plugins: {advice}");
            return Err(HostError::NotFound(error));
        }
        let change = reason.change(plugin, ActivationCause::Removed);
        let activation = self.activator.record(&mut state, change, None, None).await?;
        Ok(done(activation, &state))
    }

    async fn find(&self, state: &ActivationState, named: &str) -> Result<FoundComponent, HostError> {
        let Some((plugin, version)) = named.split_once('@') else { return self.find_by_digest(named).await };
        let version: Version =
            version.parse().map_err(|error| HostError::Invalid(format!("{version:?} is no version: {error}")))?;
        match state.digest_of(plugin, &version) {
            Some(digest) => Ok((self.activator.load(digest).await.map_err(HostError::plugin)?, None)),
            None => {
                let is_named = |component: &dyn Component| {
                    component.manifest().name == plugin && component.manifest().version == version
                };
                self.in_folder(is_named).ok_or_else(|| missing(state, plugin, named))
            }
        }
    }

    async fn find_by_digest(&self, named: &str) -> Result<FoundComponent, HostError> {
        let start = named.to_lowercase();
        if start.len() < SHORTEST_DIGEST || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let advice = format!("write NAME@VERSION, or at least {SHORTEST_DIGEST} characters of a digest");
            return Err(HostError::Invalid(format!("{named:?}: {advice}")));
        }
        let is_named = |digest: Digest| digest.to_string().starts_with(&start);
        let records = self.activator.log.components().await?;
        let found: Vec<Digest> =
            records.iter().map(|record| record.digest).filter(|digest| is_named(*digest)).collect();
        match found[..] {
            [digest] => Ok((self.activator.load(digest).await.map_err(HostError::plugin)?, None)),
            [] => self
                .in_folder(|component| is_named(component.digest()))
                .ok_or_else(|| HostError::NotFound(format!("no component begins with {named}"))),
            _ => Err(HostError::Invalid(format!("{} components begin with {named}: give more of it", found.len()))),
        }
    }

    fn in_folder(&self, is_wanted: impl Fn(&dyn Component) -> bool) -> Option<FoundComponent> {
        let source = components::plugin_folder(&self.settings).ok()?;
        source.names().ok()?.into_iter().find_map(|name| {
            let bytes = source.read(&name).ok()?;
            let component = self.activator.loader.load(&bytes).ok()?;
            is_wanted(&*component).then_some((component, Some(bytes)))
        })
    }
}

fn missing(state: &ActivationState, plugin: &str, named: &str) -> HostError {
    let versions: Vec<String> = state.versions(plugin).into_iter().map(ToString::to_string).collect();
    let known = match versions.is_empty() {
        true => format!("no version of {plugin} was live"),
        false => format!("{} were live", versions.join(", ")),
    };
    HostError::NotFound(format!("there is no {named}: {known}, and no file of the folder is it"))
}

fn done(activation: Activation, state: &ActivationState) -> ActivationDone {
    let version = |digest: Option<Digest>| digest.and_then(|digest| state.component(digest)).map(|(_, it)| it.clone());
    ActivationDone { version: version(activation.to), before: version(activation.from), activation }
}
