//! The registry: keeps the live components in step with the folder of plugins and with the log of activations.
//!
//! One task does one thing at a time, with one exception: while a file is compiled or verified, the host still goes
//! back from a component that faults too often (`while_watching`). Nothing else is recorded then, and a candidate
//! that was compared with a component that is no longer live is verified again. `tracked_files` is the state of the
//! folder, `activation_state` the state that follows from the log, `choice` chooses the file that is to be live,
//! `candidates` examines a file, `activator` verifies and records, `probation` judges a component that went live. A
//! scan of the folder is cheap, so a hint that something changed only starts one.

mod activation_state;
mod activator;
mod candidates;
mod choice;
mod notice;
mod probation;
mod restart;
mod settings;
mod swap_watch;
mod tracked_files;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use cantus_model::{Activation, Digest, LiveComponent, ports::StoreError};
use cantus_replay::verify::VerificationReport;
use tokio::sync::{Notify, oneshot, watch};

use crate::Engine;
use probation::Probation;
use tracked_files::{Scan, TrackedFiles};

pub use activation_state::{ActivationState, PluginHistory};
pub use activator::{ActivationChange, ActivationError, Activator, ComponentWithBytes};
pub use notice::RegistryNotice;
pub use settings::RegistrySettings;
pub use tracked_files::{FileState, FileStatus};

type Observer = Box<dyn Fn(&RegistryNotice) + Send + Sync>;

/// A plugin that is live.
struct LivePlugin {
    live: LiveComponent,
    /// This host has seen its file, so the plugin is deactivated with its last file.
    had_file: bool,
    /// The file that it came from, if this host has seen it.
    file: Option<String>,
    /// The time since which that file has been missing.
    missing_since: Option<Instant>,
    probation: Option<Probation>,
}

impl LivePlugin {
    fn new(live: LiveComponent) -> Self {
        Self { live, had_file: false, file: None, missing_since: None, probation: None }
    }

    fn digest(&self) -> Digest {
        self.live.component.digest()
    }
}

/// Keeps the live components in step with the folder and the log of activations.
pub struct Registry {
    settings: RegistrySettings,
    activator: Activator,
    observer: Observer,
    activations: ActivationState,
    files: TrackedFiles,
    live: BTreeMap<String, LivePlugin>,
    /// The engine that runs the live components, once it is started.
    engine: Option<Arc<Engine>>,
    statuses: watch::Sender<Vec<FileStatus>>,
}

impl Registry {
    /// Loads the components that are live by the log, and scans the folder for the first time: new files are verified
    /// and go live.
    ///
    /// # Errors
    /// If the store cannot be read or written. Problems with a file are reported to `observer`.
    pub async fn open(
        settings: RegistrySettings,
        activator: Activator,
        observer: impl Fn(&RegistryNotice) + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let activations = activator.state().await?;
        let mut registry = Self {
            settings,
            activator,
            observer: Box::new(observer),
            activations,
            files: TrackedFiles::default(),
            live: BTreeMap::new(),
            engine: None,
            statuses: watch::Sender::new(Vec::new()),
        };
        registry.load_live().await;
        registry.scan(Scan::First).await?;
        registry.report_missing_files();
        Ok(registry)
    }

    /// The live components.
    pub fn live(&self) -> Vec<LiveComponent> {
        self.live.values().map(|plugin| plugin.live.clone()).collect()
    }

    /// Watches the states of the files.
    pub fn statuses(&self) -> watch::Receiver<Vec<FileStatus>> {
        self.statuses.subscribe()
    }

    /// Follows the folder and the log, at every `hint` and periodically, and passes the live components to `engine`;
    /// until `stop`. Unfinished work is abandoned then: the log shows how far it got.
    pub async fn run(mut self, engine: Arc<Engine>, hint: Arc<Notify>, stop: oneshot::Receiver<()>) {
        self.engine = Some(engine);
        tokio::select! {
            _ = stop => {}
            () = self.follow_changes(&hint) => {}
        }
    }

    async fn follow_changes(&mut self, hint: &Notify) {
        loop {
            tokio::select! {
                () = hint.notified() => tokio::time::sleep(Duration::from_millis(self.settings.settle_ms)).await,
                () = tokio::time::sleep(self.pause()) => {}
            }
            if let Err(error) = self.step().await {
                if error.is_terminal() {
                    let consequence = "the folder of plugins and activations are not followed any more";
                    return self.notify(&RegistryNotice::Problem(format!("{error}; {consequence}")));
                }
                self.notify(&RegistryNotice::Problem(error.to_string()));
                tokio::time::sleep(Duration::from_millis(self.settings.rescan_ms)).await;
            }
        }
    }

    async fn step(&mut self) -> Result<(), StoreError> {
        self.apply_recorded().await?;
        self.check_probations().await?;
        self.scan(Scan::Repeated).await
    }

    /// The pause before the next scan.
    fn pause(&self) -> Duration {
        let watching = self.live.values().any(|plugin| plugin.probation.is_some());
        Duration::from_millis(match self.files.are_changing() || watching {
            true => self.settings.settle_ms,
            false => self.settings.rescan_ms,
        })
    }

    /// Scans the folder, and activates or deactivates plugins accordingly.
    async fn scan(&mut self, scan: Scan) -> Result<(), StoreError> {
        let source = Arc::clone(&self.activator.source);
        let found = match activator::blocking(move || source.scan()).await {
            Ok(found) => found,
            Err(refusal) => {
                self.notify(&RegistryNotice::Problem(refusal.to_string()));
                return Ok(()); // files of an unreadable folder are not missing
            }
        };
        for name in self.files.update(found, scan) {
            self.identify(&name).await;
        }
        let mut plugins: Vec<String> = self.files.plugins().map(ToOwned::to_owned).collect();
        plugins.extend(self.live.keys().cloned());
        plugins.sort();
        plugins.dedup();
        for plugin in plugins {
            self.update_plugin(&plugin).await?;
        }
        self.publish_statuses();
        Ok(())
    }

    /// Applies activations that others have recorded: a person at the command line.
    async fn apply_recorded(&mut self) -> Result<(), StoreError> {
        let activations = self.activator.log.activations(self.activations.seq()).await?;
        if activations.is_empty() {
            return Ok(());
        }
        // They may come from a host that has replaced this one.
        self.activator.check_ownership().await?;
        for component in self.activator.log.components().await? {
            self.activations.add_component(component);
        }
        for activation in activations {
            self.activations.apply(&activation);
            self.apply(activation).await;
        }
        Ok(())
    }

    async fn apply(&mut self, activation: Activation) {
        const ATTEMPTS: u32 = 3;
        match activation.to {
            None => drop(self.live.remove(&activation.plugin)),
            Some(digest) => {
                let mut loaded = self.activator.load(digest).await;
                // Nobody records it a second time, so a store that may only be busy is tried again.
                for _ in 1..ATTEMPTS {
                    if loaded.is_err() {
                        tokio::time::sleep(Duration::from_millis(self.settings.settle_ms)).await;
                        loaded = self.activator.load(digest).await;
                    }
                }
                match loaded {
                    Ok(component) => self.replace(&activation, LiveComponent::new(component), None),
                    Err(why) => {
                        let trouble = format!(
                            "{} {} was activated, but cannot be loaded: {why}",
                            activation.plugin,
                            digest.short()
                        );
                        return self.notify(&RegistryNotice::Problem(trouble));
                    }
                }
            }
        }
        self.announce(activation, None);
    }

    /// Replaces the live component of a plugin, and starts its probation.
    fn replace(&mut self, activation: &Activation, live: LiveComponent, file: Option<String>) {
        let mut plugin = LivePlugin::new(live);
        if let Some(before) = self.live.remove(&activation.plugin) {
            plugin.had_file = before.had_file;
            plugin.file = before.file;
            plugin.probation = Probation::start(activation, before.live, &self.settings);
        }
        if file.is_some() {
            (plugin.had_file, plugin.file) = (true, file);
        }
        self.live.insert(activation.plugin.clone(), plugin);
    }

    /// Passes a change to the engine, and then reports it: whoever reads the notice finds the change done.
    fn announce(&self, activation: Activation, report: Option<VerificationReport>) {
        if let Some(engine) = &self.engine
            && let Err(error) = engine.swap(&self.live())
        {
            self.notify(&RegistryNotice::Problem(error.to_string()));
        }
        let version = |digest| self.activations.component(digest).map(|(_, version)| version.clone());
        let notice = RegistryNotice::Changed {
            version: activation.to.and_then(version),
            before: activation.from.and_then(version),
            activation: Box::new(activation),
            report: report.map(Box::new),
        };
        self.notify(&notice);
    }

    fn notify(&self, notice: &RegistryNotice) {
        (self.observer)(notice);
    }

    /// Publishes the states of the files.
    fn publish_statuses(&self) {
        let statuses = self.files.statuses();
        self.statuses.send_if_modified(|published| {
            let is_modified = *published != statuses;
            *published = statuses;
            is_modified
        });
    }
}
