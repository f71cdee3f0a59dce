//! Runs a verification.

use std::{sync::Arc, time::Duration};

use cantus_model::ports::{Hydrator, StoreError};
use tokio::sync::mpsc;

use super::{
    Candidate, VerificationReport, VerifySettings,
    examine::Examination,
    history_reader::HistoryReader,
    rules::{self, Coverage},
    streams,
};
use crate::without_logging::without_logging;

/// Pages that wait to be run.
const PAGES_AHEAD: usize = 16;

/// Runs the newest history of the candidate's aggregates on it, and judges the findings. Writes nothing.
///
/// # Errors
/// If the store cannot be read. A failure of the candidate is in the report.
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
    let examining = tokio::task::spawn_blocking(move || without_logging(|| examination.run(inbox)));
    HistoryReader::new(&store, &candidate).read(streams::by_stream(records), parts).await?;
    let examined = examining.await.map_err(|error| StoreError::Other(format!("the verification ended: {error}")))?;
    Ok(rules::judge(&candidate, examined, coverage))
}
