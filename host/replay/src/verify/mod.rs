//! Verification: what a candidate would have decided, before it decides anything.
//!
//! The newest recorded commands of its aggregates are decided again, on streams folded by the candidate, twice: as the
//! host will run it, and in another way that must not matter (other hash seed, events one by one, a sandbox for each
//! stream, instances restored from their own snapshots). `streams` orders the streams, `reader` reads them, `cutter` cuts
//! one at its commands, `examine` runs them, `rules` judges.

mod examine;
mod history_reader;
mod predecessor;
mod report;
mod rules;
mod stream_pager;
mod streams;
mod waiver;

use std::{sync::Arc, time::Duration};

use cantus_model::ports::{Component, Hydrator, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use examine::Examination;
use history_reader::HistoryReader;
pub use predecessor::Predecessor;
pub use report::{PluginVersion, VerificationFailure, VerificationReport};
use rules::Coverage;
pub use waiver::{Waiver, WaiverError};

use crate::quietly::quietly;

/// Pages that wait to be run.
const PAGES_AHEAD: usize = 16;

/// How much of history is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifySettings {
    /// Recorded commands that are decided again, the newest; 0 turns it off.
    pub commands: usize,
    /// Of those, the ones that must have been decided again before a candidate may go live; all, if they are fewer.
    pub min_commands: usize,
    /// Milliseconds after which it ends with what it has seen, and says so.
    pub time_ms: u64,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self { commands: 1_000, min_commands: 100, time_ms: 10_000 }
    }
}

/// What is to be verified, against what.
pub struct Candidate {
    /// What may go live.
    pub component: Arc<dyn Component>,
    /// What is live, or was last. Its decisions stand for the recorded ones where another component took those.
    pub against: Option<Predecessor>,
    /// Differences that are allowed.
    pub waiver: Option<Waiver>,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
}

impl Candidate {
    /// The aggregate types that it or its predecessor hosts.
    fn aggregate_types(&self) -> Vec<String> {
        let before = self.against.as_ref().map(|against| &against.manifest);
        let manifests = std::iter::once(self.component.manifest()).chain(before);
        let mut types: Vec<String> =
            manifests.flat_map(|manifest| manifest.aggregates.iter().map(|kind| kind.name.clone())).collect();
        types.sort();
        types.dedup();
        types
    }

    /// The way past a verification: a person answers for it.
    fn by_hand(&self) -> String {
        let manifest = self.component.manifest();
        format!("`cantus plugin activate {}@{} --no-verify --why REASON`", manifest.name, manifest.version)
    }

    /// Its predecessor, if that can be run.
    fn live(&self) -> Option<&Arc<dyn Component>> {
        self.against.as_ref().and_then(|against| against.component.as_ref().ok())
    }
}

/// Runs the newest history of the candidate's aggregates on it, and judges. Writes nothing.
///
/// # Errors
/// If the store cannot be read. What is wrong with the candidate is in the report.
pub async fn verify(
    store: Arc<dyn Hydrator>,
    candidate: Candidate,
    settings: &VerifySettings,
) -> Result<VerificationReport, StoreError> {
    let records = match settings.commands {
        0 => Vec::new(),
        commands => store.recent_commands(&candidate.aggregate_types(), commands).await?,
    };
    let coverage = Coverage::of(settings, records.len());
    let (parts, inbox) = mpsc::channel(PAGES_AHEAD);
    let examination = Examination::new(&candidate, Duration::from_millis(settings.time_ms));
    let examining = tokio::task::spawn_blocking(move || quietly(|| examination.run(inbox)));
    HistoryReader::new(&store, &candidate).read(streams::by_stream(records), parts).await?;
    let examined = examining.await.map_err(|error| StoreError::Other(format!("the verification ended: {error}")))?;
    Ok(rules::judge(&candidate, examined, coverage))
}
