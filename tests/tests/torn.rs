//! The files after a power cut: the write-ahead log of SQLite ends anywhere, or has a hole. The store must open with all batches
//! before that position, and with nothing of those after it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, ops::Range, path::Path, sync::Arc};

use cantus_model::{Digest, Entry, EntryResult, PartitionId};
use cantus_store::SqliteStore;
use cantus_tests::{
    audit::audit,
    store_suite::given::{Subject, accepted, assert_whole, commit, rejected},
};
use tempfile::TempDir;

const BATCHES: u64 = 24;
/// Bytes of the header of the log, and of a page with its header.
const WAL_HEADER: usize = 32;
const FRAME: usize = 24 + 1024;

/// The files of a store that was copied while it was open, after its last batch.
struct TornStore {
    db: Vec<u8>,
    wal: Vec<u8>,
    batches: Vec<Vec<Entry>>,
    /// The range of each batch in the log.
    ranges: Vec<Range<usize>>,
}

/// Returns a pseudo-random number.
fn number(n: u64, of: &str) -> usize {
    (Digest::of_parts([&n.to_le_bytes(), of.as_bytes()]).seed() >> 1) as usize
}

/// Returns one to six commands, some rejected, for three streams, with payloads of up to nine pages.
fn batch(n: u64, versions: &mut [u64; 3]) -> Vec<Entry> {
    let entry = |k: usize| {
        let (id, stream) = (format!("c{n}-{k}"), (number(n, "stream") + k) % 3);
        let base = versions[stream];
        let text = "p".repeat(number(n, &id) % 9_000);
        match number(n, &id) % 5 {
            0 => rejected(&id, &format!("s{stream}"), base),
            more => {
                let events = [text.as_str(), "2", "3", "4"];
                versions[stream] += more as u64;
                accepted(&id, &format!("s{stream}"), base, &events[..more])
            }
        }
    };
    (0..1 + number(n, "size") % 6).map(entry).collect()
}

async fn open(folder: &Path) -> Subject {
    Arc::new(SqliteStore::open(&format!("sqlite:{}", folder.join("cantus.db").display())).await.unwrap())
}

/// The state of the log before the first batch.
#[derive(Clone, Copy, PartialEq)]
enum LogStart {
    /// It is short; nothing follows the last batch.
    New,
    /// It was moved into the file and began again, as it often does: older frames follow the last batch.
    Restarted,
}

/// Writes all batches.
async fn write(start: LogStart) -> TornStore {
    let folder = tempfile::tempdir().unwrap();
    let (db, wal) = (folder.path().join("cantus.db"), folder.path().join("cantus.db-wal"));
    let store = open(folder.path()).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let mut versions = [0; 3];
    if start == LogStart::Restarted {
        let filling: Vec<Entry> = (0..600).map(|n| accepted(&format!("f{n}"), "f", n, &["filling"; 1])).collect();
        for chunk in filling.chunks(3) {
            commit(&store, claim, chunk).await;
        }
        cantus_tests::audit::checkpoint(&db).await;
    }
    let mut before = fs::read(&wal).unwrap();
    let (mut batches, mut ranges) = (Vec::new(), Vec::<Range<usize>>::new());
    for n in 0..BATCHES {
        let batch = batch(n, &mut versions);
        commit(&store, claim, &batch).await;
        batches.push(batch);
        let after = fs::read(&wal).unwrap();
        let from =
            ranges.last().map_or(if start == LogStart::Restarted { 0 } else { before.len() }, |position| position.end);
        ranges.push(from..end_of_change(&before, &after));
        before = after;
    }
    let torn = TornStore { db: fs::read(&db).unwrap(), wal: before, batches, ranges };
    assert!(torn.ranges.windows(2).all(|pair| pair[0].end < pair[1].end));
    assert_eq!(torn.ranges.last().is_some_and(|last| last.end < torn.wal.len()), start == LogStart::Restarted);
    torn
}

/// Returns the end of the last frame that differs.
fn end_of_change(before: &[u8], after: &[u8]) -> usize {
    let same = |at: &usize| before.get(*at) == after.get(*at);
    let last = (0..after.len()).rev().find(|at| !same(at)).expect("a commit changes the log");
    WAL_HEADER + (last - WAL_HEADER + 1).div_ceil(FRAME) * FRAME
}

impl TornStore {
    /// Creates a store with another log.
    fn with_wal(&self, wal: &[u8]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cantus.db"), &self.db).unwrap();
        fs::write(folder.path().join("cantus.db-wal"), wal).unwrap();
        folder
    }

    /// Opens the store, checks that it has the first `whole` batches and nothing else, and commits all batches again.
    async fn check(&self, wal: &[u8], whole: usize, what: &str) {
        let folder = self.with_wal(wal);
        let store = open(folder.path()).await;
        let found = audit(&folder.path().join("cantus.db")).await;
        let expected: Vec<&str> =
            self.batches[..whole].iter().flatten().map(|entry| entry.command_id.as_str()).collect();
        let commands = found.commands.keys().filter(|id| id.starts_with('c'));
        assert_eq!(commands.count(), expected.len(), "{what}");
        assert!(expected.iter().all(|id| found.commands.contains_key(*id)), "{what}");
        let claim = store.claim(PartitionId::FIRST).await.unwrap();
        for (n, batch) in self.batches.iter().enumerate() {
            for result in commit(&store, claim, batch).await {
                match result {
                    EntryResult::Duplicate(_) => assert!(n < whole, "{what}: batch {n}"),
                    EntryResult::Committed { .. } => assert!(n >= whole, "{what}: batch {n}"),
                    other => panic!("{what}: batch {n}: {other:?}"),
                }
            }
        }
        assert_whole(&store).await;
    }

    fn count_whole_before(&self, position: usize) -> usize {
        self.ranges.iter().take_while(|batch| batch.end <= position).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wal_that_ends_anywhere_keeps_the_batches_before() {
    let torn = write(LogStart::New).await;
    let bounds = torn.ranges.iter().step_by(4).flat_map(|batch| [batch.end - 1, batch.end, batch.end + 1]);
    let anywhere = (0..20).map(|n| torn.ranges[0].start + number(n, "cut") % (torn.wal.len() - torn.ranges[0].start));
    for cut in bounds.chain(anywhere).map(|cut| cut.min(torn.wal.len())) {
        torn.check(&torn.wal[..cut], torn.count_whole_before(cut), &format!("cut at {cut}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_wal_that_ends_anywhere_keeps_the_batches_before() {
    let torn = write(LogStart::Restarted).await;
    for cut in (0..12).map(|n| number(n, "cut") % torn.wal.len()).chain([0, 1, WAL_HEADER, torn.wal.len()]) {
        torn.check(&torn.wal[..cut], torn.count_whole_before(cut), &format!("cut at {cut}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wal_with_a_hole_keeps_the_batches_before() {
    for (start, holes) in [(LogStart::New, 12), (LogStart::Restarted, 8)] {
        let torn = write(start).await;
        let (first, last) = (torn.ranges[0].start.max(WAL_HEADER), torn.ranges.last().unwrap().end);
        for n in 0..holes {
            let at = first + number(n, "hole") % (last - first);
            // A sector that was never written, or one bit of it.
            let mut wal = torn.wal.clone();
            match n % 2 {
                0 => wal[at] ^= 1 << (n % 8),
                _ => wal[at - at % 512..(at - at % 512 + 512).min(last)].fill(0xa5),
            }
            let damaged = if n.is_multiple_of(2) { at } else { at - at % 512 };
            let frame = WAL_HEADER + damaged.saturating_sub(WAL_HEADER) / FRAME * FRAME;
            torn.check(&wal, torn.count_whole_before(frame), &format!("a hole at {at}")).await;
        }
    }
}
