//! Chooses the file of a plugin that is live, and gives the others the reason why they are not.

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use cantus_model::{ActivationCause, Digest, Manifest, ports::StoreError};
use semver::Version;

use super::{
    ActivationChange, ActivationError, FileState, LivePlugin, Registry,
    candidates::NotLive,
    tracked_files::{RetryWhen, TrackedFile},
};

/// The reason why another component is live instead of a file.
struct SupersededBy {
    why: String,
    /// The file of the live component is in the folder, so the reason is visible there.
    by_what_is_here: bool,
}

impl Registry {
    /// Activates the highest version of a plugin that may be live.
    pub(super) async fn settle(&mut self, plugin: &str) -> Result<(), StoreError> {
        self.reconsider(plugin).await;
        self.note_absence(plugin);
        while let Some((file, digest)) = self.best(plugin) {
            if self.live.get(plugin).is_some_and(|live| live.digest() == digest) {
                break;
            }
            match self.activate(plugin, &file).await {
                Ok(()) => break,
                Err(NotLive::Refused(objection)) => self.refuse(&file, objection), // perhaps there is another
                Err(NotLive::Overtaken) => return Ok(()),
                Err(NotLive::Store(error)) => return Err(error),
            }
        }
        self.mark(plugin);
        self.deactivate_if_gone(plugin).await
    }

    /// Tries refused files again if their reason no longer holds, and refuses files whose version was activated with
    /// other bytes meanwhile.
    async fn reconsider(&mut self, plugin: &str) {
        let names: Vec<String> = self.files.of(plugin).map(|file| file.status.file.clone()).collect();
        for name in names {
            let Some(file) = self.files.get(&name) else { continue };
            if file.status.state != FileState::Refused {
                if let Some(taken) = self.taken_by_live(file) {
                    self.refuse(&name, taken);
                }
                continue;
            }
            let is_live = self.live.get(plugin).is_some_and(|live| file.status.digest == Some(live.digest()));
            let is_lifted = match file.obstacle {
                _ if is_live => true, // a person wanted it so
                RetryWhen::Itself => false,
                RetryWhen::Taken => self.taken(file).is_none(),
                RetryWhen::Predecessor(digest) => self.activator.has(digest).await,
                RetryWhen::Host(digest) => !self.live.values().any(|live| live.digest() == digest),
                RetryWhen::History { waiver } => self.has_other_waiver(&name, waiver).await,
            };
            if let Some(file) = self.files.get_mut(&name).filter(|_| is_lifted) {
                file.set(FileState::Compiled, None);
            }
        }
    }

    /// Records the time since which the file of a plugin has been missing.
    fn note_absence(&mut self, plugin: &str) {
        let has_file = self.files.of(plugin).next().is_some();
        let Some(live) = self.live.get_mut(plugin) else { return };
        let is_there = live.file.as_ref().map_or(has_file, |file| self.files.get(file).is_some());
        live.gone_since = (!is_there).then(|| live.gone_since.unwrap_or_else(Instant::now));
    }

    /// Finds the highest version among the files of a plugin that is not excluded.
    fn best(&self, plugin: &str) -> Option<(String, Digest)> {
        let floor = self.floor(plugin);
        let candidates = self.files.of(plugin).filter(|file| {
            file.is_candidate() && !self.is_barred(plugin, file) && file.status.version.as_ref() >= floor
        });
        let best = candidates.min_by_key(|file| (Reverse(file.status.version.as_ref()), &file.status.file))?;
        Some((best.status.file.clone(), best.status.digest?))
    }

    /// The lowest version that a file may activate by itself: that of the live component, even if it could not be
    /// loaded, until its file is removed under this host.
    fn floor(&self, plugin: &str) -> Option<&Version> {
        match self.live.get(plugin) {
            Some(live) if self.has_left(plugin, live) => None,
            Some(live) => Some(&live.live.component.manifest().version),
            None => self.unloaded(plugin).map(|manifest| &manifest.version),
        }
    }

    /// The manifest of the component that should be live, and could not be loaded.
    fn unloaded(&self, plugin: &str) -> Option<&Manifest> {
        let current = self.log.track(plugin).and_then(|track| track.current);
        current.filter(|_| !self.live.contains_key(plugin)).and_then(|digest| self.log.manifest(digest))
    }

    /// Reports whether the file of a live plugin was removed, or replaced by another version of it. A broken file in
    /// its place is no reason to go back to a lower version beside it.
    fn has_left(&self, plugin: &str, live: &LivePlugin) -> bool {
        let is_another = |file: &TrackedFile| {
            file.is_candidate()
                && file.status.plugin.as_deref() == Some(plugin)
                && file.status.digest != Some(live.digest())
                && !self.is_barred(plugin, file)
        };
        self.is_gone(live) || live.file.as_ref().and_then(|file| self.files.get(file)).is_some_and(is_another)
    }

    /// Reports whether the file of a live plugin was removed. Replacing a file may remove it first, so it must be
    /// missing for a while.
    fn is_gone(&self, live: &LivePlugin) -> bool {
        let wait = Duration::from_millis(self.settings.removal_ms);
        live.gone_since.is_some_and(|since| since.elapsed() >= wait)
    }

    fn is_barred(&self, plugin: &str, file: &TrackedFile) -> bool {
        let track = self.log.track(plugin);
        file.status.digest.is_some_and(|digest| track.is_some_and(|track| track.is_barred(digest)))
    }

    /// Sets the state of each file of a plugin that is not refused.
    fn mark(&mut self, plugin: &str) {
        let (live, superseded) = (self.live.get(plugin).map(LivePlugin::digest), self.superseded(plugin));
        let track = self.log.track(plugin);
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
                _ if digest.is_some_and(|digest| track.is_some_and(|track| track.is_barred(digest))) => {
                    file.set(FileState::RolledBack, Some(format!("{activate} makes it live again")));
                }
                Some(SupersededBy { why, by_what_is_here: true }) => file.set(FileState::Superseded, Some(why.clone())),
                Some(SupersededBy { why, .. }) => {
                    file.set(FileState::Superseded, Some(format!("{why}: {activate} makes this one live")));
                }
                None => {}
            }
        }
        if let Some(live) = self.live.get_mut(plugin).filter(|_| active.is_some()) {
            (live.had_file, live.file, live.gone_since) = (true, active, None);
        }
    }

    /// The reason why a file of a plugin is not live; `None` if nothing else is live.
    fn superseded(&self, plugin: &str) -> Option<SupersededBy> {
        if let Some(live) = self.live.get(plugin) {
            let by_what_is_here =
                live.had_file || self.files.of(plugin).any(|file| file.status.digest == Some(live.digest()));
            let and_where = if by_what_is_here { "" } else { ", and its file is not in the folder" };
            let why = format!("{plugin} {} is live{and_where}", live.live.component.manifest().version);
            return Some(SupersededBy { why, by_what_is_here });
        }
        let Manifest { version, .. } = self.unloaded(plugin)?;
        let why = format!("{plugin} {version} should be live, and its component cannot be loaded");
        Some(SupersededBy { why, by_what_is_here: false })
    }

    /// Deactivates a plugin with its last file.
    async fn deactivate_if_gone(&mut self, plugin: &str) -> Result<(), StoreError> {
        let has_file = self.files.of(plugin).next().is_some();
        let Some(live) = self.live.get(plugin) else { return Ok(()) };
        // A broken file may be the next version, half copied: then the plugin's file is not missing.
        if has_file || !live.had_file || !self.is_gone(live) {
            return Ok(());
        }
        let who = live.file.clone().unwrap_or_else(|| plugin.to_owned());
        let why = "its file was removed from the folder of plugins".to_owned();
        let change = ActivationChange { plugin: plugin.into(), cause: ActivationCause::Removed, who, why };
        match self.activator.record(&mut self.log, change, None, None).await {
            Ok(activation) => {
                self.live.remove(plugin);
                self.announce(activation, None);
                Ok(())
            }
            Err(ActivationError::Store(error)) => Err(error),
            Err(_) => Ok(()), // the next look tries again
        }
    }
}
