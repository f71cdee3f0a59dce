//! A store of more than a million commands. The test takes minutes, so it runs only on request:
//! `cargo test --release -p cantus-tests --test store_sqlite -- --ignored --nocapture`.

use std::{path::Path, sync::Arc, time::Instant};

use cantus_model::{AggregateRef, Entry, HistoryQuery, StreamSample};
use cantus_store::SqliteStore;
use cantus_tests::store_suite::given::*;

use super::{fixture, open};

const COMMANDS: u64 = 1_200_000;
const STREAMS: u64 = 10_000;
const BATCH: u64 = 5_000;

/// Returns the `n`th command: to a pseudo-random stream, every tenth one rejected.
fn nth(n: u64, versions: &mut [u64]) -> Entry {
    let stream = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % STREAMS;
    let version = &mut versions[stream as usize];
    let (id, of) = (format!("01890a5d-ac96-774b-bcce-{n:012x}"), format!("account-{stream:06}"));
    if n % 10 == 9 {
        return at(n, rejected(&id, &of, *version));
    }
    *version += 1;
    let event = format!(r#"{{"amount":{n},"reference":"salary of the month","at":1700000000000000}}"#);
    at(n, accepted(&id, &of, *version - 1, &[&event]))
}

async fn fill(url: &str) {
    let store = open(url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let mut versions = vec![0; STREAMS as usize];
    for first in (0..COMMANDS).step_by(BATCH as usize) {
        let batch: Vec<_> = (first..first + BATCH).map(|n| nth(n, &mut versions)).collect();
        commit(&store, claim, &batch).await;
    }
}

/// Reads the streams that `query` selects and prints the rate.
async fn read(store: &Subject, what: &str, query: &HistoryQuery) -> (usize, usize) {
    let begun = Instant::now();
    let mut history = store.history(query).await.unwrap();
    let selected = begun.elapsed();
    let (mut commands, mut streams) = (0, 0);
    while let Some(page) = history.next_page().await.unwrap() {
        commands += page.commands.len();
        streams += usize::from(page.last);
    }
    let reading = begun.elapsed() - selected;
    let rate = commands as f64 / reading.as_secs_f64();
    println!("{what}: {commands} commands, {streams} streams: {selected:.2?}, then {reading:.2?}, {rate:.0}/s");
    assert!(memory().is_none_or(|kilobytes| kilobytes < 250_000), "{:?} kB", memory());
    (commands, streams)
}

/// Returns the private memory of this process in kilobytes, where the system reports it.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a million commands take minutes; `history` checks the same with few"]
async fn a_million_commands() {
    let (_folder, path, url) = fixture();
    let begun = Instant::now();
    fill(&url).await;
    println!("made in {:.0?}, {} MB", begun.elapsed(), path.metadata().unwrap().len() >> 20);
    let store: Subject = Arc::new(SqliteStore::open_read_only(&url).await.unwrap());

    let all = HistoryQuery::default();
    assert_eq!(read(&store, "all", &all).await, (COMMANDS as usize, STREAMS as usize));

    let one = AggregateRef::new("Account", "account-000077");
    assert_eq!(read(&store, "one stream", &HistoryQuery { aggregate: Some(one), ..all.clone() }).await.1, 1);
    let sample = Some(StreamSample { seed: 1, per_million: 10_000 });
    assert!((50..200).contains(&read(&store, "a sample", &HistoryQuery { sample, ..all }).await.1));

    for (types, count) in [(["Account"], 1_000), (["Nobody"], 0)] {
        let begun = Instant::now();
        let recent = store.recent_commands(&types.map(str::to_owned), 1_000).await.unwrap();
        println!("{} recent commands in {:.2?}", recent.len(), begun.elapsed());
        assert_eq!(recent.len(), count);
        assert!(begun.elapsed().as_secs() < 1, "it looked through everything");
    }
}
