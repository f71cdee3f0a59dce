//! The component that a candidate replaces.

use std::sync::Arc;

use cantus_model::{
    Digest, Manifest,
    ports::{Component, Refused},
};

use super::PluginVersion;

/// The component that is live for the candidate's plugin name, or was last. Its version and manifest are always
/// known, because they are in the store. Only running it needs its bytes.
#[derive(Clone)]
pub struct Predecessor {
    /// sha256 of its bytes.
    pub digest: Digest,
    /// Its manifest.
    pub manifest: Manifest,
    /// The component, or the reason why it cannot be run.
    pub component: Result<Arc<dyn Component>, Refused>,
}

impl Predecessor {
    /// A predecessor that can be run.
    pub fn loaded(component: Arc<dyn Component>) -> Self {
        Self { digest: component.digest(), manifest: component.manifest().clone(), component: Ok(component) }
    }

    pub(super) fn named(&self) -> PluginVersion {
        PluginVersion { version: self.manifest.version.clone(), digest: self.digest }
    }

    /// The reason to refuse the candidate if the predecessor cannot be run, and a remedy.
    pub(super) fn refusal(&self, manual_activation: &str) -> Option<String> {
        let why = self.component.as_ref().err()?;
        let Manifest { name, version, .. } = &self.manifest;
        Some(format!(
            "{name} {version}, which it must be compared with, cannot be run: {why}. Put the file with the sha256 {} back \
             into the component store or the folder of plugins, or activate it without a verification: {manual_activation}",
            self.digest
        ))
    }
}
