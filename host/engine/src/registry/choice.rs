//! Chooses the file of a plugin that is live, and gives the others the reason why they are not.

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use cantus_model::{ActivationCause, Digest, Manifest, ports::StoreError};
use semver::Version;

use super::{
    ActivationChange, ActivationError, FileState, LivePlugin, Registry,
    candidates::NotActivated,
    tracked_files::{RetryWhen, TrackedFile},
};

/// The reason why another component is live instead of a file.
struct SupersededBy {
    why: String,
    /// The file of the live component is in the folder, so the reason is visible there.
    has_file: bool,
}

impl Registry {
    /// Activates the highest version of a plugin that may be live.
    pub(super) async fn update_plugin(&mut self, plugin: &str) -> Result<(), StoreError> {
        self.retry_refused(plugin).await;
        self.record_missing_file(plugin);
        while let Some((file, digest)) = self.best_file(plugin) {
            if self.live.get(plugin).is_some_and(|live| live.digest() == digest) {
                break;
            }
            match self.activate(plugin, &file).await {
                Ok(()) => break,
                Err(NotActivated::Refused(refusal)) => self.refuse(&file, refusal), // another file may be allowed
                Err(NotActivated::ConcurrentChange) => return Ok(()),
                Err(NotActivated::Store(error)) => return Err(error),
            }
        }
        self.update_states(plugin);
        self.deactivate_if_removed(plugin).await
    }

    /// Tries refused files again if their reason no longer holds, and refuses files whose version was activated with
    /// other bytes meanwhile.
    async fn retry_refused(&mut self, plugin: &str) {
        let names: Vec<String> = self.files.of(plugin).map(|file| file.status.file.clone()).collect();
        for name in names {
            let Some(file) = self.files.get(&name) else { continue };
            if file.status.state != FileState::Refused {
                if let Some(conflict) = self.conflict_with_live(file) {
                    self.refuse(&name, conflict);
                }
                continue;
            }
            let is_live = self.live.get(plugin).is_some_and(|live| file.status.digest == Some(live.digest()));
            let is_resolved = match file.retry_when {
                _ if is_live => true, // a person activated it
                RetryWhen::FileChanges => false,
                RetryWhen::VersionIsFree => self.version_conflict(file).is_none(),
                RetryWhen::PredecessorIsStored(digest) => self.activator.has(digest).await,
                RetryWhen::HostIsGone(digest) => !self.live.values().any(|live| live.digest() == digest),
                RetryWhen::WaiverChanges { waiver } => self.is_waiver_changed(&name, waiver).await,
            };
            if let Some(file) = self.files.get_mut(&name).filter(|_| is_resolved) {
                file.set(FileState::Compiled, None);
            }
        }
    }

    /// Records the time since which the file of a plugin has been missing.
    fn record_missing_file(&mut self, plugin: &str) {
        let has_file = self.files.of(plugin).next().is_some();
        let Some(live) = self.live.get_mut(plugin) else { return };
        let is_there = live.file.as_ref().map_or(has_file, |file| self.files.get(file).is_some());
        live.missing_since = (!is_there).then(|| live.missing_since.unwrap_or_else(Instant::now));
    }

    /// Finds the highest version among the files of a plugin that is not excluded.
    fn best_file(&self, plugin: &str) -> Option<(String, Digest)> {
        let min_version = self.min_version(plugin);
        let candidates = self.files.of(plugin).filter(|file| {
            file.is_candidate() && !self.is_excluded(plugin, file) && file.status.version.as_ref() >= min_version
        });
        let best = candidates.min_by_key(|file| (Reverse(file.status.version.as_ref()), &file.status.file))?;
        Some((best.status.file.clone(), best.status.digest?))
    }

    /// The lowest version that a file may activate by itself: that of the live component, even if it could not be
    /// loaded, until its file is removed under this host.
    fn min_version(&self, plugin: &str) -> Option<&Version> {
        match self.live.get(plugin) {
            Some(live) if self.is_file_replaced(plugin, live) => None,
            Some(live) => Some(&live.live.component.manifest().version),
            None => self.unloaded(plugin).map(|manifest| &manifest.version),
        }
    }

    /// The manifest of the component that should be live, and could not be loaded.
    fn unloaded(&self, plugin: &str) -> Option<&Manifest> {
        let current = self.activations.history(plugin).and_then(|history| history.current);
        current.filter(|_| !self.live.contains_key(plugin)).and_then(|digest| self.activations.manifest(digest))
    }

    /// Reports whether the file of a live plugin was removed, or replaced by another version of it. A broken file in
    /// its place is no reason to go back to a lower version beside it.
    fn is_file_replaced(&self, plugin: &str, live: &LivePlugin) -> bool {
        let is_another = |file: &TrackedFile| {
            file.is_candidate()
                && file.status.plugin.as_deref() == Some(plugin)
                && file.status.digest != Some(live.digest())
                && !self.is_excluded(plugin, file)
        };
        self.is_file_removed(live) || live.file.as_ref().and_then(|file| self.files.get(file)).is_some_and(is_another)
    }

    /// Reports whether the file of a live plugin was removed. Replacing a file may remove it first, so it must be
    /// missing for a while.
    fn is_file_removed(&self, live: &LivePlugin) -> bool {
        let wait = Duration::from_millis(self.settings.removal_ms);
        live.missing_since.is_some_and(|since| since.elapsed() >= wait)
    }

    fn is_excluded(&self, plugin: &str, file: &TrackedFile) -> bool {
        let history = self.activations.history(plugin);
        file.status.digest.is_some_and(|digest| history.is_some_and(|history| history.is_excluded(digest)))
    }

    /// Sets the state of each file of a plugin that is not refused.
    fn update_states(&mut self, plugin: &str) {
        let (live, superseded) = (self.live.get(plugin).map(LivePlugin::digest), self.superseding(plugin));
        let history = self.activations.history(plugin);
        let mut active = None;
        for file in
            self.files.iter_mut().filter(|file| file.status.plugin.as_deref() == Some(plugin) && file.is_candidate())
        {
            let digest = file.status.digest;
            let version = file.status.version.as_ref().map_or_else(String::new, ToString::to_string);
            let activate = format!("`cantus plugin activate {plugin}@{version}`");
            match &superseded {
                _ if live.is_some() && digest == live => {
                    file.set(FileState::Active, None);
                    active.get_or_insert_with(|| file.status.file.clone());
                }
                _ if digest.is_some_and(|digest| history.is_some_and(|history| history.is_excluded(digest))) => {
                    file.set(FileState::RolledBack, Some(format!("{activate} makes it live again")));
                }
                Some(SupersededBy { why, has_file: true }) => file.set(FileState::Superseded, Some(why.clone())),
                Some(SupersededBy { why, .. }) => {
                    file.set(FileState::Superseded, Some(format!("{why}: {activate} makes this one live")));
                }
                None => {}
            }
        }
        if let Some(live) = self.live.get_mut(plugin).filter(|_| active.is_some()) {
            (live.had_file, live.file, live.missing_since) = (true, active, None);
        }
    }

    /// The reason why a file of a plugin is not live; `None` if nothing else is live.
    fn superseding(&self, plugin: &str) -> Option<SupersededBy> {
        if let Some(live) = self.live.get(plugin) {
            let has_file = live.had_file || self.files.of(plugin).any(|file| file.status.digest == Some(live.digest()));
            let and_where = if has_file { "" } else { ", and its file is not in the folder" };
            let why = format!("{plugin} {} is live{and_where}", live.live.component.manifest().version);
            return Some(SupersededBy { why, has_file });
        }
        let Manifest { version, .. } = self.unloaded(plugin)?;
        let why = format!("{plugin} {version} should be live, and its component cannot be loaded");
        Some(SupersededBy { why, has_file: false })
    }

    /// Deactivates a plugin with its last file.
    async fn deactivate_if_removed(&mut self, plugin: &str) -> Result<(), StoreError> {
        let has_file = self.files.of(plugin).next().is_some();
        let Some(live) = self.live.get(plugin) else { return Ok(()) };
        // A broken file may be the next version, half copied: then the plugin's file is not missing.
        if has_file || !live.had_file || !self.is_file_removed(live) {
            return Ok(());
        }
        let who = live.file.clone().unwrap_or_else(|| plugin.to_owned());
        let why = "its file was removed from the folder of plugins".to_owned();
        let change = ActivationChange { plugin: plugin.into(), cause: ActivationCause::Removed, who, why };
        match self.activator.record(&mut self.activations, change, None, None).await {
            Ok(activation) => {
                self.live.remove(plugin);
                self.announce(activation, None);
                Ok(())
            }
            Err(ActivationError::Store(error)) => Err(error),
            Err(_) => Ok(()), // the next scan tries again
        }
    }
}
