//! Verification: what a candidate would have decided, before it decides anything.
//!
//! The newest recorded commands of its aggregates are decided again, on whole streams folded by the candidate, twice:
//! as the host will run it, and in another way that must not matter (other hash seed, events one by one, a sandbox for
//! each stream). `cutter` cuts a stream at those commands, `examine` runs them, `rules` judges.

mod cutter;
mod examine;
mod report;
mod rules;
mod waiver;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use cantus_model::{
    AggregateRef, CommandRecord, EventBatch, PageLimit,
    ports::{Component, Store, StoreError},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinHandle};

use cutter::{Cutter, Step};
use examine::Examination;
pub use report::{Failure, Named, Report};
pub use waiver::{Waiver, WaiverError};

use crate::replay::quietly;

const PAGE: PageLimit = PageLimit { events: 1_024, bytes: 4 << 20 };
/// Streams whose first page is read ahead, each on a task of its own: a reading that nobody polls would keep its
/// connection to the store. They are few, because commands are waiting for theirs.
const STREAMS_AHEAD: usize = 2;
/// Pages that wait to be run.
const PAGES_AHEAD: usize = 16;

/// How much of history is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Recorded commands that are decided again, the newest; 0 turns it off.
    pub commands: usize,
    /// Milliseconds after which it ends with what it has seen, and says so.
    pub time_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { commands: 1_000, time_ms: 10_000 }
    }
}

/// What is to be verified, against what.
pub struct Candidate {
    /// What may go live.
    pub component: Arc<dyn Component>,
    /// What is live, or was last. Its decisions stand for the recorded ones where another component took those.
    pub against: Option<Arc<dyn Component>>,
    /// Differences that are allowed.
    pub waiver: Option<Waiver>,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
}

/// Runs the newest history of the candidate's aggregates on it, and judges. Writes nothing.
///
/// # Errors
/// If the store cannot be read. What is wrong with the candidate is in the report.
pub async fn verify(store: &Arc<dyn Store>, candidate: Candidate, settings: &Settings) -> Result<Report, StoreError> {
    let manifests =
        std::iter::once(&candidate.component).chain(&candidate.against).map(|component| component.manifest());
    let mut types: Vec<String> =
        manifests.flat_map(|manifest| manifest.aggregates.iter().map(|kind| kind.name.clone())).collect();
    types.sort();
    types.dedup();
    let records = match settings.commands {
        0 => Vec::new(),
        commands => store.recent_commands(&types, commands).await?,
    };
    let (pages, inbox) = mpsc::channel(PAGES_AHEAD);
    let examination = Examination::new(&candidate, Duration::from_millis(settings.time_ms));
    let examining = tokio::task::spawn_blocking(move || quietly(|| examination.run(inbox)));
    read(store, by_stream(records), &pages).await?;
    drop(pages);
    let examined = examining.await.map_err(|error| StoreError::Other(format!("the verification ended: {error}")))?;
    Ok(rules::judge(&candidate, examined))
}

/// The commands of each stream, in the order in which the streams first occur.
fn by_stream(records: Vec<CommandRecord>) -> Vec<(AggregateRef, Vec<CommandRecord>)> {
    let mut streams: Vec<(AggregateRef, Vec<CommandRecord>)> = Vec::new();
    let mut index = HashMap::new();
    for record in records {
        let place = *index.entry(record.aggregate.clone()).or_insert_with(|| {
            streams.push((record.aggregate.clone(), Vec::new()));
            streams.len() - 1
        });
        streams[place].1.push(record);
    }
    streams
}

/// Part of a stream on its way to the examination.
enum Part {
    Begin(AggregateRef, Vec<CommandRecord>),
    Steps(Vec<Step>),
    End,
}

/// A stream, its commands, and its first page on its way.
type Ahead = (AggregateRef, Vec<CommandRecord>, JoinHandle<Result<EventBatch, StoreError>>);

/// Reads the streams whole and cuts them into steps, until nobody wants more.
async fn read(
    store: &Arc<dyn Store>,
    streams: Vec<(AggregateRef, Vec<CommandRecord>)>,
    parts: &mpsc::Sender<Part>,
) -> Result<(), StoreError> {
    let mut streams = streams.into_iter().map(|(aggregate, records)| -> Ahead {
        let (store, of) = (Arc::clone(store), aggregate.clone());
        (aggregate, records, tokio::spawn(async move { store.read_stream(&of, 0, PAGE).await }))
    });
    let mut ahead: VecDeque<Ahead> = streams.by_ref().take(STREAMS_AHEAD).collect();
    while let Some((aggregate, records, page)) = ahead.pop_front() {
        let mut page = page.await.map_err(|error| StoreError::Other(error.to_string()))??;
        ahead.extend(streams.next());
        let mut cutter = Cutter::new(records.clone());
        let mut open = parts.send(Part::Begin(aggregate.clone(), records)).await.is_ok();
        let mut version = 0;
        while open && !page.is_empty() {
            version += page.len() as u64;
            let is_last = page.len() < PAGE.events && page.payloads().len() < PAGE.bytes;
            open = parts.send(Part::Steps(cutter.cut(&page))).await.is_ok();
            if is_last {
                break;
            }
            page = store.read_stream(&aggregate, version, PAGE).await?;
        }
        if !open || parts.send(Part::Steps(cutter.finish(&aggregate)?)).await.is_err() {
            return Ok(()); // its time is up
        }
        let _ = parts.send(Part::End).await;
    }
    Ok(())
}
