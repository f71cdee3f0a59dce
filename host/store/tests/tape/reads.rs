//! Reads of components, of selected streams, and of large payloads.

use cantus_model::{AggregateRef, Digest, HistoryQuery, StreamSample, ports::HistorySource};

use crate::fixtures::*;

#[tokio::test]
async fn components_are_read_by_digest() {
    let folder = TapeFolder::new();
    let tape = folder.open(&write(pages(&small(), 2), &components(), None).unwrap().0).unwrap();
    for component in components() {
        assert!(tape.component(component.digest).unwrap() == component.bytes, "{}", component.version);
    }
    assert_eq!(tape.component(Digest::of(b"unknown")).unwrap(), None);
    let listed: Vec<_> =
        tape.header().components.iter().map(|listed| (listed.version.as_str(), listed.bytes)).collect();
    assert_eq!(listed, [("1.3.0", Some(3)), ("1.7.0", None), ("1.3000000.0", Some(3_000_000)), ("1.0.0", Some(0))]);
    assert_eq!(read(&tape, &HistoryQuery::default()).await.unwrap(), small());
}

#[tokio::test]
async fn a_query_reads_only_what_it_selects() {
    let mut streams = small();
    for n in 0..500 {
        let of = AggregateRef::new(if n % 2 == 0 { "Flight" } else { "Account" }, format!("n-{n}"));
        streams.push((of.clone(), vec![plain(&of, 0, &format!("m-{n}"), 1_000 - n, vec![b'x'; 9_000], vec![])]));
    }
    let folder = TapeFolder::new();
    let tape = folder.open(&write_tape(&streams)).unwrap();
    let only = |kinds: &[&str]| HistoryQuery {
        aggregate_types: kinds.iter().map(|k| (*k).into()).collect(),
        ..HistoryQuery::default()
    };
    let one = HistoryQuery { aggregate: Some(streams[200].0.clone()), ..HistoryQuery::default() };
    let some = HistoryQuery { sample: Some(StreamSample { seed: 7, per_million: 100_000 }), ..HistoryQuery::default() };
    for query in [only(&[]), only(&["Flight"]), only(&["Flight", "Account"]), only(&["None"]), one, some] {
        let expected: Vec<_> = streams.iter().filter(|(of, _)| query.selects(of)).cloned().collect();
        assert!(read(&tape, &query).await.unwrap() == expected, "{query:?}");
    }
    assert_eq!(tape.history(&only(&[])).await.unwrap().commands(), Some(503));
    assert_eq!(tape.history(&only(&["Flight"])).await.unwrap().commands(), None);
}

#[test]
fn a_large_payload_and_a_long_stream_are_read() {
    let of = AggregateRef::new("Account", "long");
    let large = plain(&of, 0, "large", 1, (0..20_000_000_u32).map(|n| (n ^ n >> 7) as u8).collect(), vec![]);
    let many = (0..20_000).map(|n| plain(&of, 0, &format!("m-{n}"), n, vec![b'{'; (n % 300) as usize], vec![]));
    let streams = vec![(of.clone(), std::iter::once(large).chain(many).collect())];
    assert!(read_all(&write_tape(&streams)) == streams);
}
