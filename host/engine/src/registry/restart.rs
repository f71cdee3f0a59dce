//! The start of a host: the components that were live are live again, even if their files changed.
//!
//! A file that is missing at the start was not removed from a running host: perhaps the folder is another one, is not
//! mounted yet, or belongs to a second host that was started by mistake. So no deactivation is recorded for it. A
//! plugin is deactivated with its last file only if this host has seen that file; otherwise a person ends it with
//! `cantus plugin deactivate`.

use cantus_model::{ActivationCause, Digest, LiveComponent};

use super::{LivePlugin, Registry, RegistryNotice};

impl Registry {
    /// Loads the components that are live by the log of activations. One that cannot be loaded is not live, and its
    /// commands are refused.
    pub(super) async fn load_live(&mut self) {
        let live: Vec<(String, Digest)> =
            self.activations.live().map(|(name, digest)| (name.to_owned(), digest)).collect();
        for (name, digest) in live {
            match self.activator.load(digest).await {
                Ok(component) => drop(self.live.insert(name, LivePlugin::new(LiveComponent::new(component)))),
                Err(why) => self.notify(&RegistryNotice::Problem(format!(
                    "{name} is not live, because its component cannot be loaded: {why}"
                ))),
            }
        }
    }

    /// Reports the plugins that stay live although their file is missing.
    pub(super) fn report_missing_files(&self) {
        for (name, plugin) in self.live.iter().filter(|(_, plugin)| !plugin.had_file) {
            let last = self.activations.history(name).and_then(|history| history.last.as_ref());
            let Some((ActivationCause::Dropped, file)) = last else { continue }; // a person activated it
            let version = &plugin.live.component.manifest().version;
            self.notify(&RegistryNotice::Problem(format!(
                "{name} {version} stays live although its file {file} is not in the folder as it was; to have another \
                 version, `cantus plugin activate`, to have none, `cantus plugin deactivate {name}`"
            )));
        }
    }
}
