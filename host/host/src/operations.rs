//! Operations of a person on plugins: activate, roll back, deactivate, verify. They work with a running host, which follows
//! the log of activations, and without one.

use std::sync::Arc;

use cantus_engine::registry::{ActivationChange, ActivationState, Activator};
use cantus_model::{
    ActivationCause, Digest,
    ports::{ActivationAuthor, Component},
};
use cantus_replay::verify::{VerificationReport, Waiver};
use semver::Version;

use crate::{
    HostError, HostSettings, RecordedActivation,
    activator::build_activator,
    components::{self, CachePolicy, StoredComponents},
};

/// Least number of characters that name a digest.
const MIN_DIGEST_CHARS: usize = 6;

/// The person and the reason that are recorded with an activation.
#[derive(Clone, Debug)]
pub struct ActivationReason {
    /// The person who decides.
    pub who: String,
    /// The reason; it may be empty.
    pub why: String,
}

impl ActivationReason {
    fn change(self, plugin: &str, cause: ActivationCause) -> ActivationChange {
        ActivationChange { plugin: plugin.to_owned(), cause, who: self.who, why: self.why }
    }
}

/// Selects whether a component is verified before it is activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationCheck {
    /// The component decides recorded commands again, and is refused if a decision differs that must not.
    Verified,
    /// The component is not verified.
    Unverified,
}

/// A component, with its bytes if they are not stored yet.
type FoundComponent = (Arc<dyn Component>, Option<Vec<u8>>);

/// Chooses which version of each plugin is live. Every change is recorded in the store.
pub struct Operations {
    settings: HostSettings,
    activator: Activator,
}

impl Operations {
    /// Opens the store of the settings, which must exist.
    ///
    /// # Errors
    /// [`HostError::Store`], [`HostError::Plugin`] or [`HostError::Machine`] if the store, the folder of plugins or the data
    /// folder cannot be opened.
    pub async fn open(settings: &HostSettings) -> Result<Self, HostError> {
        cantus_store::open_read_only(&settings.store).await?; // `open` would create a missing store
        let store = cantus_store::open(&settings.store, settings.store_partitions).await?;
        let loader = Arc::new(components::runtime(settings, CachePolicy::Create)?);
        let stored = Arc::new(StoredComponents::create(settings)?);
        let activator = build_activator(settings, &store, ActivationAuthor::Operator, loader, stored)?;
        Ok(Self::new(settings.clone(), activator))
    }

    /// Opens the store of the settings for reading, which is enough for [`Operations::verify`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_read_only(settings: &HostSettings) -> Result<Self, HostError> {
        let store = cantus_store::open_read_only(&settings.store).await?;
        let loader = Arc::new(components::runtime(settings, CachePolicy::UseExisting)?);
        let stored = Arc::new(StoredComponents::open(settings)?);
        let activator = build_activator(settings, &store, ActivationAuthor::Operator, loader, stored)?;
        Ok(Self::new(settings.clone(), activator))
    }

    pub(crate) fn new(settings: HostSettings, activator: Activator) -> Self {
        Self { settings, activator }
    }

    /// Lets a component decide the newest recorded commands again, and compares it with the version of the same plugin that
    /// is live, or was last. The bounds are `verify.commands`, `verify.min_commands` and `verify.time_ms`. Nothing is recorded.
    ///
    /// # Errors
    /// If the store cannot be read. A component that is refused is not an error: see [`VerificationReport::is_allowed`].
    pub async fn verify(
        &self,
        component: Arc<dyn Component>,
        waiver: Option<Waiver>,
    ) -> Result<VerificationReport, HostError> {
        let state = self.activator.state().await?;
        Ok(self.activator.verify(&state, component, waiver).await?)
    }

    /// Makes a component live that was live before, or is in the folder of plugins. `name` is `NAME@VERSION`, or at least the
    /// first six characters of its digest.
    ///
    /// # Errors
    /// [`HostError::Verification`] if the verification refuses the component; [`HostError::NotFound`] if there is no such
    /// component, or it is live already; [`HostError::Invalid`] if the name is invalid or ambiguous; [`HostError::Plugin`] if
    /// the component does not load or may not go live; [`HostError::Conflict`] if another activation came first.
    pub async fn activate(
        &self,
        name: &str,
        check: ActivationCheck,
        reason: ActivationReason,
    ) -> Result<RecordedActivation, HostError> {
        let mut state = self.activator.state().await?;
        let (component, bytes) = self.find(&state, name).await?;
        let plugin = component.manifest().name.clone();
        if state.history(&plugin).and_then(|history| history.current) == Some(component.digest()) {
            return Err(HostError::NotFound(format!("{} is live already", components::component_label(&*component))));
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
                Ok(RecordedActivation::new(activation, &state))
            }
        }
    }

    /// Makes the version of a plugin live again that was live before the current one, without verification.
    ///
    /// # Errors
    /// [`HostError::NotFound`] if no other version was live before; [`HostError::Plugin`] if its component does not load;
    /// [`HostError::Conflict`] if another activation came first.
    pub async fn rollback(&self, plugin: &str, reason: ActivationReason) -> Result<RecordedActivation, HostError> {
        let mut state = self.activator.state().await?;
        let history = state.history(plugin);
        let history = history.ok_or_else(|| HostError::NotFound(format!("no plugin {plugin} was ever live")))?;
        let none = || HostError::NotFound(format!("no other version of {plugin} was live before"));
        let component = self.activator.load(history.previous().ok_or_else(none)?).await.map_err(HostError::plugin)?;
        let change = reason.change(plugin, ActivationCause::RolledBack);
        let activation = self.activator.record(&mut state, change, Some((component, None)), None).await?;
        Ok(RecordedActivation::new(activation, &state))
    }

    /// Deactivates a plugin: no version of it is live any more, and its history stays.
    ///
    /// # Errors
    /// [`HostError::NotFound`] if the plugin is not live, or a file of it is in the folder of plugins, which would go live
    /// again; [`HostError::Conflict`] if another activation came first.
    pub async fn deactivate(&self, plugin: &str, reason: ActivationReason) -> Result<RecordedActivation, HostError> {
        let mut state = self.activator.state().await?;
        if state.history(plugin).and_then(|history| history.current).is_none() {
            return Err(HostError::NotFound(format!("no plugin {plugin} is live")));
        }
        if self.find_in_folder(|component| component.manifest().name == plugin).is_some() {
            let advice = "remove it first, or it goes live again";
            let error = format!("a file of {plugin} is in the folder of plugins: {advice}");
            return Err(HostError::NotFound(error));
        }
        let change = reason.change(plugin, ActivationCause::Removed);
        let activation = self.activator.record(&mut state, change, None, None).await?;
        Ok(RecordedActivation::new(activation, &state))
    }

    async fn find(&self, state: &ActivationState, name: &str) -> Result<FoundComponent, HostError> {
        let Some((plugin, version)) = name.split_once('@') else { return self.find_by_digest(name).await };
        let version: Version =
            version.parse().map_err(|error| HostError::Invalid(format!("{version:?} is not a version: {error}")))?;
        match state.digest_of(plugin, &version) {
            Some(digest) => Ok((self.activator.load(digest).await.map_err(HostError::plugin)?, None)),
            None => {
                let is_named = |component: &dyn Component| {
                    component.manifest().name == plugin && component.manifest().version == version
                };
                self.find_in_folder(is_named).ok_or_else(|| missing(state, plugin, name))
            }
        }
    }

    async fn find_by_digest(&self, name: &str) -> Result<FoundComponent, HostError> {
        let start = name.to_lowercase();
        if start.len() < MIN_DIGEST_CHARS || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let advice = format!("write NAME@VERSION, or at least {MIN_DIGEST_CHARS} characters of a digest");
            return Err(HostError::Invalid(format!("{name:?} names no component: {advice}")));
        }
        let is_named = |digest: Digest| digest.to_string().starts_with(&start);
        let records = self.activator.log.components().await?;
        let found: Vec<Digest> =
            records.iter().map(|record| record.digest).filter(|digest| is_named(*digest)).collect();
        match found[..] {
            [digest] => Ok((self.activator.load(digest).await.map_err(HostError::plugin)?, None)),
            [] => self
                .find_in_folder(|component| is_named(component.digest()))
                .ok_or_else(|| HostError::NotFound(format!("no component has a digest that begins with {name}"))),
            _ => {
                let error = format!("{} components have a digest that begins with {name}", found.len());
                Err(HostError::Invalid(format!("{error}: write more characters")))
            }
        }
    }

    fn find_in_folder(&self, is_wanted: impl Fn(&dyn Component) -> bool) -> Option<FoundComponent> {
        let source = components::plugin_folder(&self.settings).ok()?;
        source.names().ok()?.into_iter().find_map(|name| {
            let bytes = source.read(&name).ok()?;
            let component = self.activator.loader.load(&bytes).ok()?;
            is_wanted(&*component).then_some((component, Some(bytes)))
        })
    }
}

fn missing(state: &ActivationState, plugin: &str, name: &str) -> HostError {
    let versions: Vec<String> = state.versions(plugin).into_iter().map(ToString::to_string).collect();
    let known = match versions.is_empty() {
        true => format!("no version of {plugin} was live before"),
        false => format!("these versions were live before: {}", versions.join(", ")),
    };
    HostError::NotFound(format!("there is no {name}: {known}, and it is not in the folder of plugins"))
}
