//! Drives a replay: reads history in blocks of whole streams, which threads run in parallel.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    thread,
};

use cantus_model::{
    HistoryPage, Timestamp,
    ports::{History, HistorySource, StoreError},
};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::without_logging::without_logging;

use super::{
    block::{BlockFindings, BlockRunner},
    config::{Perturbation, Replay, ReplayConfig, ReplayProgress},
    report::{PerturbationReport, ReplayReport},
};

/// Commands or pages after which a block is complete.
const BLOCK_COMMANDS: usize = 1_024;
const BLOCK_BYTES: usize = 4 << 20;
/// Pages of a long stream that wait for the thread that runs it.
const PAGES_AHEAD: usize = 2;

/// Some whole streams; the last of them may have more pages to come.
struct ReplayBlock {
    first_stream: u64,
    pages: Vec<HistoryPage>,
    rest: Option<Receiver<HistoryPage>>,
}

/// Replays history and reports every difference.
///
/// # Errors
/// If history cannot be read.
pub async fn replay(
    source: &dyn HistorySource,
    replay: Replay,
    progress: &Arc<ReplayProgress>,
) -> Result<ReplayReport, StoreError> {
    let mut history = source.history(&replay.query).await?;
    progress.total.store(history.commands().unwrap_or(0), Relaxed);
    let config = Arc::new(replay.config);
    let (blocks, queue) = bounded::<ReplayBlock>(replay.threads.max(1) * 2);
    let findings = Arc::new(Mutex::new(BlockFindings::default()));
    let workers: Vec<_> = (0..replay.threads.max(1))
        .map(|_| {
            let (config, queue, findings, progress) =
                (Arc::clone(&config), queue.clone(), Arc::clone(&findings), Arc::clone(progress));
            thread::Builder::new()
                .name("cantus-replay".into())
                .spawn(move || without_logging(|| work(&config, &queue, &findings, &progress)))
        })
        .collect::<Result<_, _>>()
        .map_err(|error| {
            StoreError::Other(format!("the operating system cannot start a thread of the replay: {error}"))
        })?;
    drop(queue);
    let since = config.since;
    let mut limit = CommandLimit { left: replay.limit.unwrap_or(u64::MAX), since };
    let read = read(&mut *history, &blocks, &mut limit).await;
    drop(blocks);
    for worker in workers {
        let joined = tokio::task::spawn_blocking(|| worker.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            return Err(StoreError::Other("a thread of the replay panicked".into()));
        }
    }
    read?;
    let findings = std::mem::take(&mut *findings.lock().unwrap_or_else(PoisonError::into_inner));
    match findings.failure {
        Some(failure) => Err(StoreError::Other(format!("a guest could not be run: {failure}"))),
        None => Ok(report(&config, findings)),
    }
}

/// Reads history and cuts it into blocks.
async fn read(
    history: &mut dyn History,
    blocks: &Sender<ReplayBlock>,
    limit: &mut CommandLimit,
) -> Result<(), StoreError> {
    let (mut stream, mut pages, mut commands, mut bytes, mut first_stream) = (0, Vec::new(), 0, 0, 0);
    while let Some(page) = history.next_page().await? {
        let mut page = limit.truncate(page);
        commands += page.commands.len().max(1);
        bytes += page.bytes();
        stream += u64::from(page.last);
        let (last, full) = (page.last, commands >= BLOCK_COMMANDS || bytes >= BLOCK_BYTES);
        if full && !last {
            // A long stream is run while it is read.
            let (sender, rest) = bounded(PAGES_AHEAD);
            pages.push(page);
            send(blocks, ReplayBlock { first_stream, pages: std::mem::take(&mut pages), rest: Some(rest) }).await?;
            loop {
                let Some(next) = history.next_page().await? else { break };
                page = limit.truncate(next);
                let last = page.last;
                send(&sender, page).await?;
                if last {
                    break;
                }
            }
            (stream, commands, bytes, first_stream) = (stream + 1, 0, 0, stream + 1);
        } else {
            pages.push(page);
            if full {
                send(blocks, ReplayBlock { first_stream, pages: std::mem::take(&mut pages), rest: None }).await?;
                (commands, bytes, first_stream) = (0, 0, stream);
            }
        }
        if limit.left == 0 {
            break;
        }
    }
    if !pages.is_empty() {
        send(blocks, ReplayBlock { first_stream, pages, rest: None }).await?;
    }
    Ok(())
}

/// Count of commands that may still be decided.
struct CommandLimit {
    left: u64,
    since: Option<Timestamp>,
}

impl CommandLimit {
    /// Cuts off the commands beyond the limit: the stream ends there.
    fn truncate(&mut self, mut page: HistoryPage) -> HistoryPage {
        let mut within = 0;
        while let Some(command) = page.commands.get(within).filter(|_| self.left > 0) {
            within += 1;
            self.left -= u64::from(self.since.is_none_or(|since| command.record.context.now >= since));
        }
        page.commands.truncate(within);
        page.last |= self.left == 0;
        page
    }
}

/// Sends a message; waits for room without blocking the runtime.
async fn send<T: Send + 'static>(channel: &Sender<T>, message: T) -> Result<(), StoreError> {
    let panicked = || StoreError::Other("a thread of the replay panicked".into());
    let message = match channel.try_send(message) {
        Ok(()) => return Ok(()),
        Err(crossbeam_channel::TrySendError::Full(message)) => message,
        Err(crossbeam_channel::TrySendError::Disconnected(_)) => return Err(panicked()),
    };
    let channel = channel.clone();
    let sent = tokio::task::spawn_blocking(move || channel.send(message).is_ok()).await;
    if sent.unwrap_or(false) { Ok(()) } else { Err(panicked()) }
}

fn work(
    config: &ReplayConfig,
    queue: &Receiver<ReplayBlock>,
    findings: &Mutex<BlockFindings>,
    progress: &ReplayProgress,
) {
    while let Ok(ReplayBlock { first_stream, pages, rest }) = queue.recv() {
        let mut run = BlockRunner::new(config, first_stream);
        let mut page = |page: HistoryPage| {
            let commands = page.commands.len() as u64;
            run.page(page);
            progress.done.fetch_add(commands, Relaxed);
        };
        pages.into_iter().for_each(&mut page);
        rest.into_iter().flatten().for_each(&mut page);
        findings.lock().unwrap_or_else(PoisonError::into_inner).merge(run.finish());
    }
}

fn report(config: &ReplayConfig, findings: BlockFindings) -> ReplayReport {
    let perturbation = |(perturbation, (differing, examples)): (&Perturbation, (u64, _))| PerturbationReport {
        name: perturbation.name.clone(),
        differing,
        examples,
    };
    let perturbed = config.perturbations.iter().map(|perturbation| &perturbation.components);
    let missing: BTreeSet<_> =
        std::iter::once(&config.components).chain(perturbed).flat_map(|components| components.missing()).collect();
    ReplayReport {
        candidate: config.candidate,
        findings: findings.collector.finish(),
        folded_only: findings.folded_only,
        kinds: findings.kinds.into_values().collect(),
        states: findings.states.finish(),
        perturbations: config.perturbations.iter().zip(findings.perturbed).map(perturbation).collect(),
        missing: missing.into_iter().collect(),
    }
}
