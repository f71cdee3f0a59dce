//! The live components, the files in the folder of plugins, and the activations of a plugin.

use std::collections::BTreeMap;

use cantus_engine::registry::{ActivationState, FileState, FileStatus};
use cantus_model::{Activation, Digest, ports::StoreError};
use cantus_replay::verify::VerificationReport;
use semver::Version;

use super::Queries;
use crate::{HostError, HostSettings, RecordedActivation, components, status_file};

/// A live component with its file, or a file that is not live.
#[derive(Clone, Debug)]
pub struct PluginStatus {
    /// The name of the plugin, if it is known.
    pub plugin: Option<String>,
    /// The version of the plugin, if it is known.
    pub version: Option<Version>,
    /// The digest of the component, if the file could be read.
    pub digest: Option<Digest>,
    /// The state of the component or the file.
    pub state: FileState,
    /// The name of the file in the folder of plugins; `None` for a live component without a file.
    pub file: Option<String>,
    /// The activation that made the component live; `None` for a file that is not live.
    pub activation: Option<Activation>,
    /// The reason for the state of a file, if there is one.
    pub reason: Option<String>,
}

impl Queries {
    /// Lists the live components, and then the files in the folder of plugins that are not live.
    ///
    /// # Errors
    /// If the store or the folder of plugins cannot be read.
    pub async fn plugins(&self) -> Result<Vec<PluginStatus>, HostError> {
        let activations = self.store.activations(0).await?;
        let state = ActivationState::new(self.store.components().await?, &activations);
        Ok(statuses(&state, &activations, file_statuses(&self.settings)?))
    }

    /// Lists the activations of a plugin, the oldest first.
    ///
    /// # Errors
    /// [`HostError::NotFound`] if no version of the plugin was ever live; else if the store cannot be read.
    pub async fn plugin_history(&self, plugin: &str) -> Result<Vec<RecordedActivation>, HostError> {
        let activations = self.store.activations(0).await?;
        let state = ActivationState::new(self.store.components().await?, &activations);
        let own = activations.into_iter().filter(|activation| activation.plugin == plugin);
        let history: Vec<_> = own.map(|activation| RecordedActivation::new(activation, &state)).collect();
        match history.is_empty() {
            true => Err(HostError::NotFound(format!("no plugin {plugin} was ever live in {}", self.settings.store))),
            false => Ok(history),
        }
    }
}

/// Lists the files in the folder of plugins, for a host that has no store yet.
///
/// # Errors
/// If the folder of plugins cannot be read.
pub fn plugins_in_folder(settings: &HostSettings) -> Result<Vec<PluginStatus>, HostError> {
    Ok(statuses(&ActivationState::default(), &[], file_statuses(settings)?))
}

/// Parses the verification report that is recorded with an activation; `None` if the activation was not verified.
///
/// # Errors
/// [`HostError::Store`] if the recorded report cannot be read.
pub fn verification_report(activation: &Activation) -> Result<Option<VerificationReport>, HostError> {
    let parsed = activation.report.as_deref().map(serde_json::from_str).transpose();
    parsed.map_err(|error| {
        let why = format!("the verification report of activation {} cannot be read: {error}", activation.seq);
        HostError::Store(StoreError::Corrupt(why))
    })
}

/// Reads the files of the folder, each with the state that a host last reported for the same bytes.
fn file_statuses(settings: &HostSettings) -> Result<Vec<FileStatus>, HostError> {
    if !settings.plugins.exists() {
        return Ok(Vec::new());
    }
    let folder = components::plugin_folder(settings)?;
    let mut reported: BTreeMap<String, FileStatus> =
        status_file::read(&settings.data).into_iter().map(|status| (status.file.clone(), status)).collect();
    let status = |file: String| {
        let read = folder.read(&file);
        let digest = read.as_ref().ok().map(|bytes| Digest::of(bytes));
        let last = reported.remove(&file).filter(|last| last.digest == digest || read.is_err());
        last.unwrap_or_else(|| FileStatus {
            file,
            state: FileState::Found,
            reason: Some("no host has loaded it yet".into()),
            digest,
            plugin: None,
            version: None,
        })
    };
    Ok(folder.names().map_err(HostError::plugin)?.into_iter().map(status).collect())
}

fn statuses(state: &ActivationState, activations: &[Activation], mut files: Vec<FileStatus>) -> Vec<PluginStatus> {
    let mut statuses = Vec::new();
    for (plugin, digest) in state.live() {
        let file = files.iter().position(|file| file.digest == Some(digest)).map(|index| files.remove(index).file);
        statuses.push(PluginStatus {
            plugin: Some(plugin.to_owned()),
            version: state.component(digest).map(|(_, version)| version.clone()),
            digest: Some(digest),
            state: FileState::Active,
            file,
            activation: activations.iter().rfind(|activation| activation.plugin == plugin).cloned(),
            reason: None,
        });
    }
    statuses.extend(files.into_iter().map(|file| PluginStatus {
        plugin: file.plugin,
        version: file.version,
        digest: file.digest,
        state: file.state,
        file: Some(file.file),
        activation: None,
        reason: file.reason,
    }));
    statuses
}
