//! Batches of several commands, and concurrent batches.

use cantus_model::EntryResult;

use super::given::*;

/// A batch without entries has no results and no effect.
pub async fn an_empty_batch_writes_nothing(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    assert_eq!(commit(&store, claim, &[]).await, []);
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), 0);
}

/// Each entry of a busy aggregate has the version of the entry before it as its base.
pub async fn entries_of_one_stream_build_on_each_other(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let results = commit(
        &store,
        claim,
        &[
            accepted("c1", "a", 0, &["1"]),
            rejected("c2", "a", 1),
            accepted("c3", "a", 1, &["2", "3", "4"]),
            accepted("c4", "a", 4, &[]),
            accepted("c5", "a", 4, &["5"]),
        ],
    )
    .await;
    assert_eq!(results, [committed(1, 0), committed(1, None), committed(4, 1), committed(4, None), committed(5, 4)]);
    assert_eq!(payloads(&store, "a").await, ["1", "2", "3", "4", "5"]);
    assert_whole(&store).await;
}

/// Only entries that build on a conflicting entry conflict too.
pub async fn a_conflict_affects_only_its_own_stream(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("old", "b", 0, &["0"])]).await;
    let results = commit(
        &store,
        claim,
        &[
            accepted("c1", "a", 0, &["1"]),
            accepted("c2", "b", 0, &["lost", "lost too"]),
            accepted("c3", "b", 2, &["stood on the lost ones"]),
            accepted("c4", "b", 1, &["2"]),
            accepted("c5", "a", 1, &["3"]),
        ],
    )
    .await;
    let conflict = EntryResult::Conflict { actual: 1 };
    assert_eq!(results, [committed(1, 1), conflict.clone(), conflict, committed(2, 2), committed(2, 3)]);
    assert_eq!(payloads(&store, "b").await, ["0", "2"]);
    assert_whole(&store).await;
}

/// The second of two equal commands in a batch gets the result of a retry.
pub async fn an_id_twice_in_a_batch_is_a_duplicate(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entry = accepted("c1", "a", 0, &["x", "y"]);
    let results = commit(&store, claim, &[accepted("c0", "b", 0, &["w"]), entry.clone(), entry]).await;
    let record = store.command("c1").await.unwrap().unwrap();
    assert_eq!(record.first_offset, Some(1));
    assert_eq!(results, [committed(1, 0), committed(2, 1), EntryResult::Duplicate(Box::new(record))]);
    assert_whole(&store).await;
}

/// The second of two different commands under one id is refused.
pub async fn an_id_with_two_bodies_in_a_batch_is_refused(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let first = accepted("c1", "a", 0, &["x"]);
    let second = with_another_body(accepted("c1", "b", 0, &["y"]));
    assert_eq!(commit(&store, claim, &[first, second]).await, [committed(1, 0), EntryResult::IdReused]);
    assert_eq!(store.stream_head(&account("b")).await.unwrap().version, 0);
}

/// A probe sees the effects of the entries before it in the batch, and of no others.
pub async fn a_probe_sees_the_entries_before_it(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entries = [probe("c1", "a"), rejected("c1", "a", 0), probe("c1", "a"), with_another_body(probe("c1", "a"))];
    let results = commit(&store, claim, &entries).await;
    let record = store.command("c1").await.unwrap().unwrap();
    let duplicate = EntryResult::Duplicate(Box::new(record));
    assert_eq!(results, [EntryResult::Absent, committed(0, None), duplicate, EntryResult::IdReused]);
}

/// Two commands of one batch create the same stream.
pub async fn the_second_creator_of_a_stream_conflicts(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entries = [accepted("c1", "a", 0, &["x"]), accepted("c2", "a", 0, &["y"])];
    assert_eq!(commit(&store, claim, &entries).await, [committed(1, 0), EntryResult::Conflict { actual: 1 }]);
    assert_eq!(payloads(&store, "a").await, ["x"]);
}

/// Conflicts, rejections and commands without events use no offsets.
pub async fn conflicts_leave_no_gaps_in_the_offsets(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let mut version = 0;
    for n in 0..20 {
        let id = |part: &str| format!("{n} {part}");
        let results = commit(
            &store,
            claim,
            &[
                accepted(&id("stale"), "a", version + 1, &["lost"]),
                accepted(&id("wins"), "a", version, &["1", "2"]),
                accepted(&id("quiet"), "a", version + 2, &[]),
                rejected(&id("no"), "a", version + 2),
                accepted(&id("other"), &id("b"), 0, &["3"]),
            ],
        )
        .await;
        assert_eq!(results[1], committed(version + 2, n * 3));
        version += 2;
    }
    assert_eq!(whole_log(&store).await.len(), 60);
    assert_whole(&store).await;
}

/// 700 commands over 600 streams, most of them new, with 1,400 events.
pub async fn a_batch_of_thousands_of_rows_is_committed(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let first: Vec<_> = (0..600).map(|n| accepted(&format!("a{n}"), &n.to_string(), 0, &["1", "2"])).collect();
    let again = (0..100).map(|n| accepted(&format!("b{n}"), &n.to_string(), 2, &["3", "4"]));
    let entries: Vec<_> = first.iter().cloned().chain(again).collect();
    let results = commit(&store, claim, &entries).await;
    let expected = (0..700_u64).map(|n| committed(if n < 600 { 2 } else { 4 }, n * 2));
    assert_eq!(results, expected.collect::<Vec<_>>());
    assert!(commit(&store, claim, &first).await.iter().all(|result| matches!(result, EntryResult::Duplicate(_))));
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), 1_400);
    assert_eq!(payloads(&store, "99").await, ["1", "2", "3", "4"]);
    assert_whole(&store).await;
}

/// Tasks create the same streams at the same time: each stream is created once.
pub async fn concurrent_creators_make_each_stream_once(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let entries: Vec<_> =
                    (0..25).map(|n| accepted(&format!("{task}-{n}"), &n.to_string(), 0, &["made"])).collect();
                commit(&store, claim, &entries).await
            })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        for result in task.await.unwrap() {
            match result {
                EntryResult::Committed { .. } => winners += 1,
                other => assert_eq!(other, EntryResult::Conflict { actual: 1 }),
            }
        }
    }
    assert_eq!(winners, 25);
    assert_whole(&store).await;
}

/// One command that arrives several times at the same time is recorded once.
pub async fn concurrent_retries_are_recorded_once(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await.remove(0) })
        })
        .collect();
    let mut committed = 0;
    for task in tasks {
        match task.await.unwrap() {
            EntryResult::Committed { .. } => committed += 1,
            EntryResult::Duplicate(record) => assert_eq!(record.first_offset, Some(0)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((committed, store.log_head(PartitionId::FIRST).await.unwrap()), (1, 1));
}
