//! Histories: recorded commands with their events, by stream.

use cantus_model::{
    AggregateRef, Entry, HistoryPage, HistoryQuery, Message, RecordedCommand, Rejection, StreamSample, Verdict,
    ports::History,
};

use super::given::*;

/// Reads all remaining pages.
pub async fn read_pages(mut history: Box<dyn History>) -> Vec<HistoryPage> {
    let mut pages = vec![];
    while let Some(page) = history.next_page().await.unwrap() {
        pages.push(page);
    }
    assert_eq!(history.next_page().await.unwrap(), None, "it stays at its end");
    pages
}

/// Reads the streams that `query` selects.
pub async fn read_streams(store: &Subject, query: &HistoryQuery) -> Vec<(AggregateRef, Vec<RecordedCommand>)> {
    let history = store.history(query).await.unwrap();
    let announced = history.commands();
    let streams = join_pages(read_pages(history).await);
    let count: usize = streams.iter().map(|(_, commands)| commands.len()).sum();
    assert!(announced.is_none_or(|announced| announced == count as u64), "{announced:?}, not {count}");
    streams
}

/// Joins pages to streams. Checks that only the last page of a stream is marked so, and that no page is empty.
pub fn join_pages(pages: Vec<HistoryPage>) -> Vec<(AggregateRef, Vec<RecordedCommand>)> {
    let mut streams: Vec<(AggregateRef, Vec<RecordedCommand>)> = vec![];
    let mut ended = true;
    for page in pages {
        assert!(!page.commands.is_empty());
        match streams.last_mut().filter(|_| !ended) {
            Some((aggregate, commands)) => {
                assert_eq!(*aggregate, page.aggregate, "a stream that did not end");
                commands.extend(page.commands);
            }
            None => streams.push((page.aggregate, page.commands)),
        }
        ended = page.last;
    }
    assert!(ended);
    streams
}

/// Returns the ids of the commands of each stream.
fn ids_of(streams: &[(AggregateRef, Vec<RecordedCommand>)]) -> Vec<(String, Vec<String>)> {
    let id = |command: &RecordedCommand| command.record.context.command_id.clone();
    streams.iter().map(|(aggregate, commands)| (aggregate.to_string(), commands.iter().map(id).collect())).collect()
}

/// Returns `entry` for an aggregate of another type.
pub fn of_type(aggregate_type: &str, mut entry: Entry) -> Entry {
    entry.aggregate.aggregate_type = aggregate_type.into();
    entry
}

fn named(expected: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    expected.iter().map(|(stream, ids)| ((*stream).to_owned(), owned(ids))).collect()
}

/// Three streams in turns with accepted and rejected commands; conflicts and probes are not in the history.
pub async fn every_command_is_read_with_its_events(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let batches = [
        vec![accepted("a1", "a", 0, &["1"]), accepted("b1", "b", 0, &["2", "3", "4"]), rejected("c1", "c", 0)],
        vec![rejected("a2", "a", 1), accepted("lost", "a", 0, &["lost"]), accepted("b2", "b", 3, &[])],
        vec![accepted("c2", "c", 0, &[]), accepted("a1", "a", 0, &["1"]), probe("asked", "a")],
        vec![accepted("c3", "c", 0, &["5", ""]), accepted("a3", "a", 1, &["6", "7"]), rejected("b3", "b", 3)],
    ];
    for batch in &batches {
        commit(&store, claim, batch).await;
    }
    let streams = read_streams(&store, &HistoryQuery::default()).await;
    let expected: [(&str, &[&str]); 3] =
        [("Account/a", &["a1", "a2", "a3"]), ("Account/b", &["b1", "b2", "b3"]), ("Account/c", &["c1", "c2", "c3"])];
    assert_eq!(ids_of(&streams), named(&expected));
    let entries = batches.concat();
    for command in streams.iter().flat_map(|(_, commands)| commands) {
        let id = &command.record.context.command_id;
        assert_eq!(store.command(id).await.unwrap().as_ref(), Some(&command.record));
        let entry = entries.iter().find(|entry| entry.command_id == *id).unwrap();
        assert_eq!(command.events, entry.decision.as_ref().unwrap().verdict.events());
    }
}

/// A stream begins with its first record, not with its first conflict.
pub async fn streams_are_read_in_the_order_in_which_they_began(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let batch = [
        accepted("too soon", "b", 1, &["lost"]),
        accepted("never", "c", 7, &["lost"]),
        rejected("a1", "a", 0),
        accepted("b1", "b", 0, &["x"]),
    ];
    commit(&store, claim, &batch).await;
    commit(&store, claim, &[accepted("d1", "d", 0, &[]), accepted("a2", "a", 0, &["x"])]).await;
    commit(&store, claim, &[accepted("c1", "c", 0, &["x"])]).await;
    let expected: [(&str, &[&str]); 4] =
        [("Account/a", &["a1", "a2"]), ("Account/b", &["b1"]), ("Account/d", &["d1"]), ("Account/c", &["c1"])];
    assert_eq!(ids_of(&read_streams(&store, &HistoryQuery::default()).await), named(&expected));
}

/// 3,000 commands of one stream among others.
pub async fn a_long_stream_is_read_in_pages(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    for n in 0..30_u64 {
        let long = (n * 100..n * 100 + 100).map(|n| accepted(&format!("long {n}"), "long", n, &[&n.to_string()]));
        let short = [accepted(&format!("short {n}"), &format!("s{}", n / 2), n % 2, &["x"])];
        commit(&store, claim, &short.into_iter().chain(long).collect::<Vec<_>>()).await;
    }
    let pages = read_pages(store.history(&HistoryQuery::default()).await.unwrap()).await;
    assert!(pages.len() > 15 + 3, "{}", pages.len());
    for page in &pages {
        assert!(page.commands.len() <= 512 && page.commands.iter().all(|it| it.record.aggregate == page.aggregate));
    }
    let streams = join_pages(pages);
    assert_eq!(streams.len(), 16);
    let (_, long) = streams.iter().find(|(aggregate, _)| *aggregate == account("long")).unwrap();
    let events: Vec<_> = long.iter().flat_map(|command| &command.events).map(|event| event.payload.clone()).collect();
    assert!(events == (0..3_000).map(|n| n.to_string().into_bytes()).collect::<Vec<_>>());
    assert!(long.iter().zip(0..).all(|(command, n)| command.record.base_version == n));
}

/// Selects by type, by aggregate, by sample, and by all of them together.
pub async fn only_selected_streams_are_read(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let kinds = ["Account", "Flight", "Aircraft", "Account\u{0}"];
    for base in 0..2 {
        let entries = (0..400).map(|n| {
            let (id, kind) = (n % 100, kinds[n / 100]);
            of_type(kind, accepted(&format!("{kind} {id} {base}"), &id.to_string(), base, &["x"]))
        });
        commit(&store, claim, &entries.collect::<Vec<_>>()).await;
    }
    let all = read_streams(&store, &HistoryQuery::default()).await;
    assert_eq!(all.len(), 400);
    let types = |types: &[&str]| types.iter().map(|name| (*name).to_owned()).collect();
    let sample = |per_million| Some(StreamSample { seed: 3, per_million });
    let queries = [
        (HistoryQuery { aggregate_types: types(&["Flight"]), ..HistoryQuery::default() }, 100..=100),
        (HistoryQuery { aggregate_types: types(&["Aircraft", "Account"]), ..HistoryQuery::default() }, 200..=200),
        (HistoryQuery { aggregate_types: types(&["Ship"]), ..HistoryQuery::default() }, 0..=0),
        (HistoryQuery { aggregate: Some(account("7")), ..HistoryQuery::default() }, 1..=1),
        (HistoryQuery { aggregate: Some(account("nobody")), ..HistoryQuery::default() }, 0..=0),
        (HistoryQuery { sample: sample(250_000), ..HistoryQuery::default() }, 60..=140),
        (HistoryQuery { sample: sample(0), ..HistoryQuery::default() }, 0..=0),
        (HistoryQuery { sample: sample(1_000_000), ..HistoryQuery::default() }, 400..=400),
        (HistoryQuery { aggregate_types: types(&["Flight"]), aggregate: None, sample: sample(500_000) }, 25..=75),
        (HistoryQuery { aggregate_types: types(&["Flight"]), aggregate: Some(account("7")), sample: None }, 0..=0),
        (HistoryQuery { aggregate: Some(account("7")), sample: sample(0), ..HistoryQuery::default() }, 0..=0),
    ];
    for (query, count) in queries {
        let expected: Vec<_> = all.iter().filter(|(aggregate, _)| query.selects(aggregate)).cloned().collect();
        assert!(count.contains(&expected.len()), "{query:?}: {}", expected.len());
        assert!(read_streams(&store, &query).await == expected, "{query:?}");
    }
}

/// 20,000 commands of 5,000 streams, some of a rare type.
pub async fn more_commands_than_a_window_are_read(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let rare = |stream: u64| stream % 1_000 == 3;
    for base in 0..4 {
        let entries = (0..5_000).map(|stream| {
            let entry = accepted(&format!("{stream} {base}"), &stream.to_string(), base, &["x"]);
            if rare(stream) { of_type("Rare", entry) } else { entry }
        });
        commit(&store, claim, &entries.collect::<Vec<_>>()).await;
    }
    let streams = read_streams(&store, &HistoryQuery::default()).await;
    assert_eq!(streams.len(), 5_000);
    for (stream, (aggregate, commands)) in streams.iter().enumerate() {
        assert_eq!((aggregate.id.as_str(), commands.len()), (stream.to_string().as_str(), 4));
    }
    for query in [
        HistoryQuery { aggregate_types: vec!["Rare".into()], ..HistoryQuery::default() },
        HistoryQuery { sample: Some(StreamSample { seed: 5, per_million: 2_000 }), ..HistoryQuery::default() },
    ] {
        let expected: Vec<_> = streams.iter().filter(|(aggregate, _)| query.selects(aggregate)).cloned().collect();
        assert!(!expected.is_empty() && read_streams(&store, &query).await == expected, "{query:?}");
    }
    let recent = store.recent_commands(&["Rare".into()], 18).await.unwrap();
    let found: Vec<_> = recent.iter().map(|record| record.context.command_id.as_str()).collect();
    let ids: Vec<_> = (0..20).map(|n| format!("{} {}", n % 5 * 1_000 + 3, n / 5)).collect();
    assert_eq!(found, ids[2..]);
}

/// A history ends with the last command before it was requested.
pub async fn later_commands_are_not_in_a_history(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let early = [accepted("a1", "a", 0, &["1"]), accepted("b1", "b", 0, &["2"])];
    commit(&store, claim, &early).await;
    let before = read_streams(&store, &HistoryQuery::default()).await;
    let mut history = store.history(&HistoryQuery::default()).await.unwrap();
    let late = |n: u64| [accepted(&format!("a late {n}"), "a", n, &["x"]), accepted(&format!("c{n}"), "c", n - 1, &[])];
    commit(&store, claim, &late(1)[..1]).await;
    let first = history.next_page().await.unwrap().unwrap();
    commit(&store, claim, &[rejected("b late", "b", 1), accepted("new", "new", 0, &["x"])]).await;
    let rest = read_pages(history).await;
    assert_eq!(join_pages(std::iter::once(first).chain(rest).collect()), before);
    assert_eq!(read_streams(&store, &HistoryQuery::default()).await.len(), 3);
}

/// A store without commands has a history without pages.
pub async fn the_history_of_an_empty_store_is_empty(store: Subject) {
    for aggregate in [None, Some(account("a"))] {
        assert_eq!(read_streams(&store, &HistoryQuery { aggregate, ..HistoryQuery::default() }).await, []);
    }
    assert_eq!(store.recent_commands(&["Account".into()], 9).await.unwrap(), []);
}

/// The newest commands of some types, the oldest first, with rejections and commands without events.
pub async fn recent_commands_are_the_newest_of_their_types(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    for n in 0..40_u64 {
        let id = |kind: &str| format!("{kind} {n}");
        let batch = [
            accepted(&id("Account"), "a", n, &["x"]),
            of_type("Flight", rejected(&id("Flight"), &n.to_string(), 0)),
            accepted(&id("lost"), "a", n, &["x"]),
            of_type("Ship", accepted(&id("Ship"), "s", 0, &[])),
        ];
        commit(&store, claim, &batch).await;
    }
    let kinds = ["Account", "Flight", "Ship"];
    let all: Vec<(&str, String)> = (0..40).flat_map(|n| kinds.map(|kind| (kind, format!("{kind} {n}")))).collect();
    for types in [&["Account"][..], &["Flight", "Ship"], &["Ship", "Nobody"], &kinds, &["Nobody"], &[]] {
        let ids = all.iter().filter(|(kind, _)| types.contains(kind)).map(|(_, id)| id.as_str()).collect::<Vec<_>>();
        for limit in [0, 1, 7, 40, 79, 80, 1_000, usize::MAX] {
            let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
            let records = store.recent_commands(&types, limit).await.unwrap();
            let found: Vec<_> = records.iter().map(|record| record.context.command_id.as_str()).collect();
            assert_eq!(found, ids[ids.len().saturating_sub(limit)..], "{limit} of {types:?}");
            if let Some(record) = records.first() {
                assert_eq!(store.command(&record.context.command_id).await.unwrap().as_ref(), Some(record));
            }
        }
    }
}

/// Bytes that are not UTF-8, names in any script, numbers that need all 64 bits.
pub async fn any_content_is_read_as_it_was_recorded(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let bytes: Vec<u8> = (0..=255).chain([0, 0xc3, 0x28, 0]).collect();
    let names = ["", "a\u{0}b", "O'Hare \"✈\"\\ 航班\n", "é", "\u{10ffff}"];
    for (n, name) in names.into_iter().enumerate() {
        let events = vec![message(name, &bytes), message(name, b""), message("", name.as_bytes())];
        let mut entry = decided(&format!("{n}{name}"), name, 0, Verdict::Accepted(events));
        let decision = entry.decision.as_mut().unwrap();
        decision.command = Message { name: name.into(), version: u32::MAX, payload: bytes[n..].to_vec() };
        decision.context.seed = u64::MAX;
        decision.context.now.0 = i64::MAX as u64;
        decision.context.causation_id = Some(name.into());
        decision.context.metadata = vec![(name.into(), "]\",[".into()), (name.into(), String::new())];
        let mut refused = rejected(&format!("{n}{name} no"), name, 3);
        let rejection = Rejection { code: name.into(), message: name.into(), detail: Some(bytes.clone()) };
        refused.decision.as_mut().unwrap().verdict = Verdict::Rejected(rejection);
        commit(&store, claim, &[entry.clone(), refused.clone()]).await;
        let query = HistoryQuery { aggregate: Some(account(name)), ..HistoryQuery::default() };
        let streams = read_streams(&store, &query).await;
        let [(aggregate, commands)] = &streams[..] else { panic!("{streams:?}") };
        assert_eq!((aggregate, commands.len()), (&account(name), 2));
        for (command, entry) in commands.iter().zip([entry, refused]) {
            assert_eq!(Some(&command.record), store.command(&entry.command_id).await.unwrap().as_ref());
            assert_eq!(command.record.context, entry.decision.as_ref().unwrap().context);
            assert_eq!(command.events, entry.decision.unwrap().verdict.events());
        }
    }
    assert_eq!(read_streams(&store, &HistoryQuery::default()).await.len(), names.len());
}
