//! What a power cut leaves: SQLite's write-ahead log ends anywhere, or has a hole. The store must open with the
//! batches before that place, whole, and with nothing of those behind it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use cantus_model::PartitionId;
use std::{fs, ops::Range, path::Path, sync::Arc};

use cantus_model::{Digest, Entry, EntryResult};
use cantus_store::SqliteStore;
use cantus_tests::{
    audit::audit,
    store_suite::given::{Subject, accepted, assert_whole, commit, rejected},
};
use tempfile::TempDir;

const BATCHES: u64 = 24;
/// Of the log file: its header, and a page with its own header.
const WAL_HEADER: usize = 32;
const FRAME: usize = 24 + 1024;

/// The files of a store that was copied while it was open, after its last batch.
struct Torn {
    db: Vec<u8>,
    wal: Vec<u8>,
    batches: Vec<Vec<Entry>>,
    /// Where each batch begins and ends in the log.
    places: Vec<Range<usize>>,
}

fn number(n: u64, of: &str) -> usize {
    (Digest::of_parts([&n.to_le_bytes(), of.as_bytes()]).seed() >> 1) as usize
}

/// One to six commands, some rejected, for three streams, with payloads of up to two pages.
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

/// Writes all batches. With `restart` the log is written into the file first and begins anew over what it was, as it
/// does all the time: what follows its end is then old, not empty.
async fn write(restart: bool) -> Torn {
    let folder = tempfile::tempdir().unwrap();
    let (db, wal) = (folder.path().join("cantus.db"), folder.path().join("cantus.db-wal"));
    let store = open(folder.path()).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let mut versions = [0; 3];
    if restart {
        let filling: Vec<Entry> = (0..600).map(|n| accepted(&format!("f{n}"), "f", n, &["filling"; 1])).collect();
        for chunk in filling.chunks(3) {
            commit(&store, claim, chunk).await;
        }
        cantus_tests::audit::checkpoint(&db).await;
    }
    let mut before = fs::read(&wal).unwrap();
    let (mut batches, mut places) = (Vec::new(), Vec::<Range<usize>>::new());
    for n in 0..BATCHES {
        let batch = batch(n, &mut versions);
        commit(&store, claim, &batch).await;
        batches.push(batch);
        let after = fs::read(&wal).unwrap();
        let from = places.last().map_or(if restart { 0 } else { before.len() }, |place| place.end);
        places.push(from..end_of_change(&before, &after));
        before = after;
    }
    let torn = Torn { db: fs::read(&db).unwrap(), wal: before, batches, places };
    assert!(torn.places.windows(2).all(|pair| pair[0].end < pair[1].end));
    assert_eq!(torn.places.last().is_some_and(|last| last.end < torn.wal.len()), restart);
    torn
}

/// The end of the last frame that differs.
fn end_of_change(before: &[u8], after: &[u8]) -> usize {
    let same = |at: &usize| before.get(*at) == after.get(*at);
    let last = (0..after.len()).rev().find(|at| !same(at)).expect("a commit changes the log");
    WAL_HEADER + (last - WAL_HEADER + 1).div_ceil(FRAME) * FRAME
}

impl Torn {
    /// The store with another log.
    fn with_wal(&self, wal: &[u8]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cantus.db"), &self.db).unwrap();
        fs::write(folder.path().join("cantus.db-wal"), wal).unwrap();
        folder
    }

    /// Opens the store, finds the first `whole` batches in it and nothing else, and completes it.
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

    fn whole_before(&self, place: usize) -> usize {
        self.places.iter().take_while(|batch| batch.end <= place).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_ends_anywhere() {
    let torn = write(false).await;
    let bounds = torn.places.iter().step_by(4).flat_map(|batch| [batch.end - 1, batch.end, batch.end + 1]);
    let anywhere = (0..20).map(|n| torn.places[0].start + number(n, "cut") % (torn.wal.len() - torn.places[0].start));
    for cut in bounds.chain(anywhere).map(|cut| cut.min(torn.wal.len())) {
        torn.check(&torn.wal[..cut], torn.whole_before(cut), &format!("cut at {cut}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_ends_anywhere_over_an_older_one() {
    let torn = write(true).await;
    for cut in (0..12).map(|n| number(n, "cut") % torn.wal.len()).chain([0, 1, WAL_HEADER, torn.wal.len()]) {
        torn.check(&torn.wal[..cut], torn.whole_before(cut), &format!("cut at {cut}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_a_hole() {
    for (restart, holes) in [(false, 12), (true, 8)] {
        let torn = write(restart).await;
        let (first, last) = (torn.places[0].start.max(WAL_HEADER), torn.places.last().unwrap().end);
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
            torn.check(&wal, torn.whole_before(frame), &format!("a hole at {at}")).await;
        }
    }
}
