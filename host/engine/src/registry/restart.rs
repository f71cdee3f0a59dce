//! A start: what was live is live again, whatever has become of its file.
//!
//! A file that is missing at the start was not taken away from a running host: perhaps the folder is another one, is not
//! mounted yet, or belongs to a second host that was started by mistake. So nothing is recorded for it. A plugin goes with
//! its last file only if this host has seen that file; a person ends it with `cantus plugin deactivate`.

use cantus_model::{ActivationCause, Digest, LiveComponent};

use super::{LivePlugin, Registry, RegistryNotice};

impl Registry {
    /// Loads what the log says is live. What cannot be loaded is not live: its commands are told so.
    pub(super) async fn load_live(&mut self) {
        let live: Vec<(String, Digest)> = self.log.live().map(|(name, digest)| (name.to_owned(), digest)).collect();
        for (name, digest) in live {
            match self.activator.load(digest).await {
                Ok(component) => drop(self.live.insert(name, LivePlugin::new(LiveComponent::new(component)))),
                Err(why) => self.tell(&RegistryNotice::Trouble(format!("{name} is not live: {why}"))),
            }
        }
    }

    /// Says which plugins stay live although the file that they came from is not there.
    pub(super) fn report_missing_files(&self) {
        for (name, plugin) in self.live.iter().filter(|(_, plugin)| !plugin.had_file) {
            let last = self.log.track(name).and_then(|track| track.last.as_ref());
            let Some((ActivationCause::Dropped, file)) = last else { continue }; // a person wanted it so
            let version = &plugin.live.component.manifest().version;
            self.tell(&RegistryNotice::Trouble(format!(
                "{name} {version} stays live although its file {file} is not in the folder as it was; to have another \
                 version, `cantus plugin activate`, to have none, `cantus plugin deactivate {name}`"
            )));
        }
    }
}
