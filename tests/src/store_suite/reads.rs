//! Reads of the log and of streams.

use cantus_model::{EventBatch, EventQuery, PageLimit, StreamHead, Timestamp, Verdict};

use super::given::*;

/// 10,000 events of two kinds, interleaved with another stream, in pages of several sizes.
pub async fn a_stream_is_read_in_pages(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let events: Vec<_> = (0..10_000_u32)
        .map(|n| message(if n % 3 == 0 { "Withdrawn" } else { "Deposited" }, n.to_string().as_bytes()))
        .collect();
    for (n, chunk) in events.chunks(500).enumerate() {
        let a = decided(&format!("a{n}"), "a", n as u64 * 500, Verdict::Accepted(chunk.to_vec()));
        commit(&store, claim, &[a, accepted(&format!("b{n}"), "b", n as u64, &["between"])]).await;
    }
    for size in [1_000, 4_096, 9_999, 10_000, 20_000] {
        let mut read = 0;
        while read < events.len() {
            let page = store.read_stream(&account("a"), read as u64, PageLimit::events(size)).await.unwrap();
            let end = events.len().min(read + size);
            assert_eq!(page, events[read..end].iter().collect::<EventBatch>());
            read = end;
        }
    }
    let middle = store.read_stream(&account("a"), 4_999, PageLimit::events(1)).await.unwrap();
    assert_eq!(middle.payloads(), b"4999");
}

/// A page ends when it has its bytes; a larger event comes alone.
pub async fn a_page_is_limited_in_bytes(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["1234", "5678", "9", "a long one", "x"])]).await;
    for (bytes, pages) in [(0, 5), (1, 5), (4, 4), (5, 3), (8, 3), (9, 3), (19, 2), (1_000, 1)] {
        let (mut read, mut count) = (0, 0);
        while read < 5 {
            let page = store.read_stream(&account("a"), read, PageLimit { events: 9, bytes }).await.unwrap();
            read += page.len() as u64;
            count += 1;
        }
        assert_eq!((read, count), (5, pages), "{bytes} bytes a page");
    }
}

/// A page after the last event is empty, and so is a page of at most 0 events.
pub async fn a_page_beyond_the_end_is_empty(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x", "y"])]).await;
    for (after, limit) in [(2, 9), (3, 9), (u64::MAX, 9), (0, 0)] {
        assert!(store.read_stream(&account("a"), after, PageLimit::events(limit)).await.unwrap().is_empty());
        let of_stream = EventQuery { aggregate: Some(account("a")), after: Some(after), limit, ..Default::default() };
        assert!(store.read_events(&of_stream).await.unwrap().is_empty());
    }
    for (after, limit) in [(1, 9), (2, 9), (u64::MAX, 9), (0, 0)] {
        let of_log = EventQuery { aggregate: None, after: Some(after), limit, ..Default::default() };
        assert!(store.read_events(&of_log).await.unwrap().is_empty());
    }
    let all = store.read_stream(&account("a"), 0, PageLimit::events(usize::MAX)).await.unwrap();
    assert_eq!(all.len(), 2);
}

/// Pages continue by offset in the log and by version in a stream; `after` itself is not in the page.
pub async fn the_log_is_read_in_pages(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    for n in 0..30 {
        let (a, b) = (format!("a{n}"), format!("b{n}"));
        commit(&store, claim, &[accepted(&a, "a", n, &[&a]), accepted(&b, "b", n, &[&b])]).await;
    }
    let log = whole_log(&store).await;
    assert_eq!(log.len(), 60);
    assert_whole(&store).await;
    let of_b: Vec<_> = log.iter().filter(|event| event.aggregate == account("b")).cloned().collect();
    let query = |after, limit| EventQuery { aggregate: Some(account("b")), after, limit, ..Default::default() };
    assert_eq!(store.read_events(&query(None, 100)).await.unwrap(), of_b);
    assert_eq!(store.read_events(&query(Some(10), 5)).await.unwrap(), of_b[10..15]);
    let query = EventQuery { aggregate: None, after: Some(10), limit: 5, ..Default::default() };
    assert_eq!(store.read_events(&query).await.unwrap(), log[11..16]);
}

/// Events recorded exactly at the time count; rejections do not.
pub async fn the_version_at_a_time_counts_the_events_until_then(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entries = [
        at(100, accepted("c1", "a", 0, &["1", "2"])),
        at(200, rejected("c2", "a", 2)),
        at(200, accepted("c3", "a", 2, &["3"])),
        at(200, accepted("c4", "a", 3, &["4"])),
        at(300, accepted("c5", "b", 0, &["other"])),
    ];
    commit(&store, claim, &entries).await;
    for (time, version) in [(0, 0), (99, 0), (100, 2), (199, 2), (200, 4), (201, 4), (u64::MAX, 4)] {
        assert_eq!(store.version_at(&account("a"), Timestamp(time)).await.unwrap(), version, "at {time}");
    }
}

/// A stream that does not exist has version 0 and no events.
pub async fn an_unknown_stream_is_empty(store: Subject) {
    assert_eq!(store.stream_head(&account("a")).await.unwrap(), StreamHead::default());
    assert!(store.read_stream(&account("a"), 0, PageLimit::events(9)).await.unwrap().is_empty());
    assert_eq!(store.version_at(&account("a"), Timestamp(9)).await.unwrap(), 0);
    let query = EventQuery { aggregate: Some(account("a")), after: None, limit: 9, ..Default::default() };
    assert!(store.read_events(&query).await.unwrap().is_empty());
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), 0);
}

/// A page of recorded events ends when it has its bytes; a larger event comes alone.
pub async fn a_page_of_the_log_is_limited_in_bytes(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let large = "x".repeat(100);
    commit(&store, claim, &[accepted("c1", "a", 0, &["1", "2", &large, "4"])]).await;
    for aggregate in [None, Some(account("a"))] {
        let mut after = None;
        let mut sizes = vec![];
        loop {
            let query =
                EventQuery { aggregate: aggregate.clone(), after, limit: 9, bytes: Some(2), ..EventQuery::default() };
            let page = store.read_events(&query).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(if aggregate.is_some() { last.version } else { last.position.offset });
            sizes.push(page.len());
        }
        assert_eq!(sizes, [2, 1, 1]);
    }
}
