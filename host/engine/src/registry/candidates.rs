//! Takes a file as far as it can go.

use std::{
    cmp::Reverse,
    sync::Arc,
    time::{Duration, Instant},
};

use cantus_model::{
    Cause, Digest,
    ports::{Component, Refusal, StoreError},
};
use semver::Version;

use super::{ActivationChange, ActivationError, Notice, Registry, State, activator::blocking, files::Held};
use crate::{
    Live,
    verify::{Report, Waiver},
};

/// What a file was found to be.
struct Identity {
    plugin: String,
    version: Version,
    held: Held,
}

impl Registry {
    /// Finds out what a file is. The same bytes as before are nothing new.
    pub(super) async fn identify(&mut self, name: &str) {
        let source = Arc::clone(&self.activator.source);
        let file = name.to_owned();
        let read = blocking(move || source.read(&file)).await;
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(refusal) => return self.refuse(name, refusal.to_string(), None),
        };
        let digest = Digest::of(&bytes);
        let Some(file) = self.files.get_mut(name) else { return };
        if file.status.digest == Some(digest) {
            return;
        }
        file.status.digest = Some(digest);
        file.status.plugin = None;
        file.status.version = None;
        file.set(State::Found, None);
        match self.examine(name, digest, bytes).await {
            Ok(Identity { plugin, version, held }) => {
                let taken = self.taken(name, digest, &plugin, &version);
                let Some(file) = self.files.get_mut(name) else { return };
                (file.status.plugin, file.status.version) = (Some(plugin), Some(version));
                file.set(State::Compiled, None);
                file.held = Some(held);
                if let Some(taken) = taken {
                    self.refuse(name, taken, None);
                }
            }
            Err(refusal) => self.refuse(name, refusal.to_string(), None),
        }
    }

    async fn examine(&mut self, name: &str, digest: Digest, bytes: Vec<u8>) -> Result<Identity, Refusal> {
        if let Some((plugin, version)) = self.log.component(digest) {
            // It was live before: it need not be loaded unless it will be again.
            let (plugin, version) = (plugin.clone(), version.clone());
            return Ok(Identity { plugin, version, held: Held { bytes, component: None } });
        }
        let source = Arc::clone(&self.activator.source);
        let bytes = blocking(move || source.validate(&bytes).map(|()| bytes)).await?;
        if let Some(file) = self.files.get_mut(name) {
            file.set(State::Validated, None);
        }
        self.show();
        let source = Arc::clone(&self.activator.source);
        let (bytes, component) = blocking(move || source.load(&bytes).map(|component| (bytes, component))).await?;
        let manifest = component.manifest();
        let (plugin, version) = (manifest.name.clone(), manifest.version.clone());
        Ok(Identity { plugin, version, held: Held { bytes, component: Some(component) } })
    }

    /// Whether the name and version belong to other bytes: to a component that was live, or to another file.
    fn taken(&self, file: &str, digest: Digest, plugin: &str, version: &Version) -> Option<String> {
        if let Some(other) = self.log.digest_of(plugin, version).filter(|other| *other != digest) {
            return Some(format!(
                "{plugin} {version} was live with other bytes ({}, this is {}): give a change a version of its own",
                other.short(),
                digest.short()
            ));
        }
        let same = |other: &&super::files::File| {
            other.status.file != file
                && other.is_candidate()
                && other.status.version.as_ref() == Some(version)
                && other.status.digest != Some(digest)
        };
        let other = self.files.of(plugin).find(same)?;
        Some(format!("{} is {plugin} {version} too, with other bytes: remove one of them", other.status.file))
    }

    /// Makes the highest version of a plugin live that may be, and says of its other files why they are not.
    pub(super) async fn settle(&mut self, plugin: &str) -> Result<(), StoreError> {
        while let Some((file, digest)) = self.best(plugin) {
            if self.live.get(plugin).is_some_and(|live| live.digest() == digest) {
                break;
            }
            match self.activate(plugin, &file).await {
                Ok(()) => break,
                Err(ActivationError::Store(error)) => return Err(error),
                Err(ActivationError::Overtaken) => return Ok(()), // the next look sees what the other did
                Err(ActivationError::Refused(_)) => {}            // it is marked so: perhaps there is another
            }
        }
        let live = self.live.get(plugin).map(|live| (live.digest(), live.live.component.manifest().version.clone()));
        let track = self.log.track(plugin);
        let mut active = None;
        for file in
            self.files.iter_mut().filter(|file| file.status.plugin.as_deref() == Some(plugin) && file.is_candidate())
        {
            let digest = file.status.digest;
            match &live {
                Some((live, _)) if digest == Some(*live) => {
                    file.set(State::Active, None);
                    active.get_or_insert_with(|| file.status.file.clone());
                }
                _ if digest.is_some_and(|digest| track.is_some_and(|track| track.is_barred(digest))) => {
                    let why = format!("`cantus plugin activate {plugin}@{}` makes it live again", version(file));
                    file.set(State::RolledBack, Some(why));
                }
                Some((_, higher)) => file.set(State::Superseded, Some(format!("{plugin} {higher} is live"))),
                None => {}
            }
        }
        if let Some(live) = self.live.get_mut(plugin)
            && active.is_some()
        {
            (live.had_file, live.file) = (true, active);
        }
        Ok(())
    }

    /// The highest version among the files of a plugin that nobody decided against.
    fn best(&self, plugin: &str) -> Option<(String, Digest)> {
        let track = self.log.track(plugin);
        let candidates = self.files.of(plugin).filter(|file| {
            let barred = |digest| track.is_some_and(|track| track.is_barred(digest));
            file.is_candidate() && !file.status.digest.is_some_and(barred)
        });
        let best = candidates.min_by_key(|file| (Reverse(file.status.version.as_ref()), &file.status.file))?;
        Some((best.status.file.clone(), best.status.digest?))
    }

    /// Verifies what a file holds, keeps it and makes it live.
    async fn activate(&mut self, plugin: &str, name: &str) -> Result<(), ActivationError> {
        let (component, bytes) = match self.fetch(name).await {
            Ok(Some(fetched)) => fetched,
            Ok(None) => return Err(ActivationError::Overtaken),
            Err(refusal) => {
                self.refuse(name, refusal.to_string(), None);
                return Err(refusal.into());
            }
        };
        if let Some(refusal) = self.hosted_elsewhere(plugin, &*component) {
            self.refuse(name, refusal.to_string(), None);
            return Err(refusal.into());
        }
        let waiver = match self.waiver(name).await {
            Ok(waiver) => waiver,
            Err(refusal) => {
                self.refuse(name, refusal.to_string(), None);
                return Err(refusal.into());
            }
        };
        let report = self.activator.verify(&self.log, Arc::clone(&component), waiver).await?;
        if !report.is_allowed() {
            let reasons = Refusal(report.refused.join("; "));
            self.refuse(name, reasons.to_string(), Some(report));
            return Err(reasons.into());
        }
        if let Some(file) = self.files.get_mut(name) {
            file.set(State::Verified, None);
        }
        self.show();
        let why = summary(&report);
        let change = ActivationChange { plugin: plugin.into(), cause: Cause::Dropped, who: name.into(), why };
        let record =
            self.activator.record(&mut self.log, change, Some((Arc::clone(&component), Some(bytes))), Some(&report));
        let activation = match record.await {
            Ok(activation) => activation,
            Err(ActivationError::Refused(refusal)) => {
                self.refuse(name, refusal.to_string(), None);
                return Err(refusal.into());
            }
            Err(error) => return Err(error),
        };
        self.replace(&activation, Live::new(component), Some(name.into()));
        self.announce(activation, Some(report));
        Ok(())
    }

    /// What a file held when it was looked at. `None` if that is forgotten and the file is another by now: the next look
    /// takes it up.
    async fn fetch(&mut self, name: &str) -> Result<Option<(Arc<dyn Component>, Vec<u8>)>, Refusal> {
        let Some(file) = self.files.get_mut(name) else { return Ok(None) };
        let (held, digest) = (file.held.take(), file.status.digest);
        let (source, name) = (Arc::clone(&self.activator.source), name.to_owned());
        blocking(move || {
            let Held { bytes, component } = match held {
                Some(held) => held,
                None => Held { bytes: source.read(&name)?, component: None },
            };
            if Some(Digest::of(&bytes)) != digest {
                return Ok(None);
            }
            let component = component.map_or_else(|| source.load(&bytes), Ok)?;
            Ok(Some((component, bytes)))
        })
        .await
    }

    fn hosted_elsewhere(&self, plugin: &str, component: &dyn Component) -> Option<Refusal> {
        component.manifest().aggregates.iter().find_map(|aggregate| {
            let hosts = |live: &Live| live.component.manifest().aggregate(&aggregate.name).is_some();
            let (other, _) = self.live.iter().find(|(name, live)| *name != plugin && hosts(&live.live))?;
            Some(Refusal(format!(
                "the plugins {other} and {plugin} both host the aggregate {}: remove one of them",
                aggregate.name
            )))
        })
    }

    async fn waiver(&self, name: &str) -> Result<Option<Waiver>, Refusal> {
        let (source, name) = (Arc::clone(&self.activator.source), name.to_owned());
        let text = blocking(move || source.waiver(&name)).await?;
        text.map(|text| Waiver::parse(&text).map_err(|error| Refusal(error.to_string()))).transpose()
    }

    fn refuse(&mut self, name: &str, reason: String, report: Option<Report>) {
        let Some(file) = self.files.get_mut(name) else { return };
        file.set(State::Refused, Some(reason));
        let status = file.status.clone();
        self.tell(&Notice::Refused { status, report: report.map(Box::new) });
        self.show();
    }

    /// A plugin goes with its last file.
    pub(super) async fn deactivate_if_gone(&mut self, plugin: &str, first: bool) -> Result<(), StoreError> {
        let has_file = self.files.of(plugin).next().is_some();
        let Some(live) = self.live.get_mut(plugin) else { return Ok(()) };
        live.had_file |= has_file;
        // A file that is broken now may be the next version of it, half copied.
        let its_file_is_there = live.file.as_ref().is_some_and(|file| self.files.get(file).is_some());
        if has_file || its_file_is_there || !live.had_file {
            live.gone_since = None;
            return Ok(());
        }
        let gone_since = *live.gone_since.get_or_insert_with(Instant::now);
        if !first && gone_since.elapsed() < Duration::from_millis(self.settings.removal_ms) {
            return Ok(());
        }
        let who = live.file.clone().unwrap_or_else(|| plugin.to_owned());
        let why = "its file was removed from the folder of plugins".to_owned();
        let change = ActivationChange { plugin: plugin.into(), cause: Cause::Removed, who, why };
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

fn version(file: &super::files::File) -> String {
    file.status.version.as_ref().map_or_else(String::new, ToString::to_string)
}

/// One line on what a verification found.
fn summary(report: &Report) -> String {
    let count = report.findings.commands;
    let found = match (count, report.differing()) {
        (0, _) => "no recorded commands to run".to_owned(),
        (_, 0) => format!("{count} recorded commands run again, all decided alike"),
        (_, differing) => format!("{count} recorded commands run again, {differing} decided otherwise"),
    };
    if report.complete { found } else { format!("{found}; there was no time for more") }
}
