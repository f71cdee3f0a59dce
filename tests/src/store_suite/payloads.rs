//! Contents that a store must read exactly as they were written.

use cantus_model::{AggregateRef, EntryResult, PageLimit, Verdict};

use super::given::*;

/// An empty payload is not NULL.
pub async fn empty_payloads_are_stored(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let mut entry = accepted("c1", "a", 0, &["", "x", ""]);
    entry.decision.as_mut().unwrap().command.payload = vec![];
    commit(&store, claim, &[entry]).await;
    assert_eq!(payloads(&store, "a").await, ["", "x", ""]);
    assert_eq!(store.command("c1").await.unwrap().unwrap().command.payload, b"");
}

/// 10 MB in a command and in each of its events, beside small ones.
pub async fn payloads_of_ten_megabytes_are_stored(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let large: Vec<u8> = (0..10_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let events = vec![message("Large", &large), message("Small", b"s"), message("Large", &large)];
    let mut entry = decided("c1", "a", 0, Verdict::Accepted(events.clone()));
    entry.decision.as_mut().unwrap().command.payload = large.clone();
    commit(&store, claim, &[accepted("c0", "b", 0, &["x"]), entry, accepted("c2", "b", 1, &["y"])]).await;
    assert!(store.read_stream(&account("a"), 0, PageLimit::events(9)).await.unwrap() == events.iter().collect());
    assert!(store.command("c1").await.unwrap().unwrap().command.payload == large);
    assert_eq!(payloads(&store, "b").await, ["x", "y"]);
}

/// A payload is any bytes.
pub async fn payloads_that_are_not_utf8_are_stored(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let bytes: Vec<u8> = (0..=255).chain([0, 0xc3, 0x28, 0]).collect();
    commit(&store, claim, &[decided("c1", "a", 0, Verdict::Accepted(vec![message("Raw", &bytes)]))]).await;
    assert_eq!(store.read_stream(&account("a"), 0, PageLimit::events(1)).await.unwrap().payloads(), bytes);
    assert_eq!(whole_log(&store).await[0].event.payload, bytes);
}

/// Names are different if any byte differs, even after a zero byte.
pub async fn names_that_differ_in_any_byte_are_distinct(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let names = [
        "é",
        "e\u{301}",
        "Ünïcode ✈ 航班",
        "O'Hare; DROP TABLE event --",
        "a",
        "A",
        " a",
        "a\0",
        "a\0b",
        "a%",
        "",
        "\u{10ffff}",
    ];
    let entries: Vec<_> = names.iter().map(|name| accepted(name, name, 0, &[name])).collect();
    let expected: Vec<_> = (0..).map(|offset| committed(1, offset)).take(names.len()).collect();
    assert_eq!(commit(&store, claim, &entries).await, expected);
    for name in names {
        assert_eq!(payloads(&store, name).await, [name]);
        assert_eq!(store.command(name).await.unwrap().unwrap().aggregate, account(name));
    }
    let again = commit(&store, claim, &entries).await;
    assert!(again.iter().all(|result| matches!(result, EntryResult::Duplicate(_))), "{again:?}");
}

/// Numbers that need all 64 bits, keys twice and in the caller's order, quotes and line ends.
pub async fn extreme_contexts_are_stored(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let mut entry = accepted("c1", "a", 0, &["x"]);
    let decision = entry.decision.as_mut().unwrap();
    let pairs = [("z", "18446744073709551615"), ("a", "\"quoted\"\n\0"), ("z", ""), ("", "é")];
    decision.context.metadata = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    decision.context.metadata.extend((0..1_000).map(|n| (n.to_string(), "v".repeat(100))));
    decision.context.seed = u64::MAX;
    decision.context.now.0 = i64::MAX as u64;
    decision.context.causation_id = Some("c0".into());
    decision.context.actor = None;
    decision.command.version = u32::MAX;
    let decision = decision.clone();
    commit(&store, claim, &[entry]).await;
    let record = store.command("c1").await.unwrap().unwrap();
    assert_eq!((record.context, record.command), (decision.context.clone(), decision.command));
    assert_eq!(whole_log(&store).await[0].recorded_at, decision.context.now);
}

/// The type is part of the name of a stream, and type and id are not concatenated.
pub async fn one_id_in_two_types_names_two_streams(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let names = [("Flight", "1"), ("Aircraft", "1"), ("Flight1", ""), ("", "Flight1")];
    let entries: Vec<_> = (0..)
        .zip(names)
        .map(|(n, (kind, id))| {
            let mut entry = accepted(&format!("c{n}"), id, 0, &[kind]);
            entry.aggregate = AggregateRef::new(kind, id);
            entry
        })
        .collect();
    assert_eq!(commit(&store, claim, &entries).await, [0, 1, 2, 3].map(|offset| committed(1, offset)));
    for (kind, id) in names {
        let batch = store.read_stream(&AggregateRef::new(kind, id), 0, PageLimit::events(9)).await.unwrap();
        assert_eq!(batch.payloads(), kind.as_bytes());
    }
}
