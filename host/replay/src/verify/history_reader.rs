//! Reads streams page by page and divides them into steps.

use std::{collections::VecDeque, sync::Arc};

use cantus_model::{
    AggregateRef, CommandRecord, Digest, EventBatch, PageLimit, Snapshot,
    ports::{Hydrator, StoreError},
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    Candidate,
    stream_pager::{StreamPager, StreamStep},
    streams::StreamCommands,
};

const PAGE: PageLimit = PageLimit { events: 1_024, bytes: 4 << 20 };
/// Streams whose first page is read ahead, each by a task of its own: a reading that nobody polls would hold its
/// connection to the store. They are few, because commands wait for connections too.
const STREAMS_AHEAD: usize = 2;

/// Part of a stream for the examination.
pub(super) enum StreamPart {
    /// The beginning of a stream: at its first event, or at a snapshot of the candidate.
    Begin(AggregateRef, Vec<CommandRecord>, Option<Snapshot>),
    Steps(Vec<StreamStep>),
    End,
}

/// A stream, and the task that reads its beginning.
type PrefetchedStream = (StreamCommands, JoinHandle<Result<StreamStart, StoreError>>);

/// The beginning of a stream.
struct StreamStart {
    snapshot: Option<Snapshot>,
    page: EventBatch,
}

/// Reads history for one verification.
pub(super) struct HistoryReader {
    store: Arc<dyn Hydrator>,
    candidate: Digest,
    live: Option<Digest>,
}

impl HistoryReader {
    pub(super) fn new(store: &Arc<dyn Hydrator>, candidate: &Candidate) -> Self {
        let live = candidate.live().map(|live| live.digest());
        Self { store: Arc::clone(store), candidate: candidate.component.digest(), live }
    }

    /// Reads the streams one after another, until the receiver is dropped.
    pub(super) async fn read(
        self,
        streams: Vec<StreamCommands>,
        parts: mpsc::Sender<StreamPart>,
    ) -> Result<(), StoreError> {
        let mut streams = streams.into_iter().map(|stream| self.prefetch(stream));
        let mut ahead: VecDeque<PrefetchedStream> = streams.by_ref().take(STREAMS_AHEAD).collect();
        while let Some((stream, beginning)) = ahead.pop_front() {
            let beginning = beginning.await.map_err(|error| StoreError::Other(error.to_string()))??;
            ahead.extend(streams.next());
            if !self.send_stream(stream, beginning, &parts).await? {
                break; // the examination has ended
            }
        }
        Ok(())
    }

    fn prefetch(&self, stream: StreamCommands) -> PrefetchedStream {
        let (store, aggregate, first_base) = (Arc::clone(&self.store), stream.aggregate.clone(), stream.first_base());
        let component = self.may_start_at_snapshot(&stream).then_some(self.candidate);
        let reading = tokio::spawn(async move {
            let snapshot = match component {
                Some(component) => store.load_snapshot(&aggregate, component).await?,
                None => None,
            };
            let snapshot = snapshot.filter(|snapshot| snapshot.version <= first_base);
            let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
            Ok(StreamStart { page: store.read_stream(&aggregate, after, PAGE).await?, snapshot })
        });
        (stream, reading)
    }

    /// Reports whether a long stream may begin at a snapshot of the candidate, from when it was live. It may not if
    /// another component runs it as well, which has to fold all events.
    fn may_start_at_snapshot(&self, stream: &StreamCommands) -> bool {
        let is_long = stream.first_base() > PAGE.events as u64;
        is_long && self.live.is_none_or(|live| live == self.candidate || !stream.needs(live))
    }

    /// Sends one stream, and reports whether more are wanted.
    async fn send_stream(
        &self,
        StreamCommands { aggregate, records }: StreamCommands,
        StreamStart { snapshot, mut page }: StreamStart,
        parts: &mpsc::Sender<StreamPart>,
    ) -> Result<bool, StoreError> {
        let mut version = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let mut pager = StreamPager::new(records.clone(), version);
        let mut is_wanted = parts.send(StreamPart::Begin(aggregate.clone(), records, snapshot)).await.is_ok();
        while is_wanted && !page.is_empty() {
            version += page.len() as u64;
            let is_last = page.len() < PAGE.events && page.payloads().len() < PAGE.bytes;
            is_wanted = parts.send(StreamPart::Steps(pager.divide(&page))).await.is_ok();
            if is_last {
                break;
            }
            page = self.store.read_stream(&aggregate, version, PAGE).await?;
        }
        let is_wanted = is_wanted && parts.send(StreamPart::Steps(pager.finish(&aggregate)?)).await.is_ok();
        Ok(is_wanted && parts.send(StreamPart::End).await.is_ok())
    }
}
