//! A log of three partitions.

use std::collections::BTreeSet;

use cantus_model::{EntryResult, EventQuery, HistoryQuery, LogInfo, ports::StoreError};

use super::{given::*, history};

/// Returns an account of each partition.
fn one_of_each(info: &LogInfo) -> Vec<(PartitionId, String)> {
    let account_in = |partition| {
        let mut ids = (0..).map(|number| format!("account-{number}"));
        ids.find(|id| PartitionId::of(&account(id), info.partitions) == partition).map(|id| (partition, id))
    };
    info.partition_ids().filter_map(account_in).collect()
}

/// Each partition has its own offsets, numbers and writers.
pub async fn each_partition_is_a_log_of_its_own(store: Subject) {
    let info = store.log_info().await.unwrap();
    assert_eq!(info.partitions, 3);
    for (partition, id) in one_of_each(&info) {
        let first = store.claim(partition).await.unwrap();
        assert_eq!((first.partition, first.epoch), (partition, 1));
        let entries = [accepted("c1", &id, 0, &["x"]), accepted("c2", &id, 1, &["y", "z"])];
        assert_eq!(commit(&store, first, &entries).await, [committed(1, 0), committed(3, 1)]);
        let second = store.claim(partition).await.unwrap();
        assert_eq!(store.commit(first, &[accepted("c3", &id, 3, &["late"])]).await, Err(StoreError::Fenced));
        assert_eq!(commit(&store, second, &[rejected("c4", &id, 3)]).await, [committed(3, None)]);
        assert_eq!(store.log_head(partition).await.unwrap(), 3);
        let query = EventQuery { partition, limit: 9, ..EventQuery::default() };
        let log = store.read_events(&query).await.unwrap();
        assert!(log.iter().all(|event| event.position.partition == partition && event.aggregate == account(&id)));
        assert_eq!(log.iter().map(|event| event.position.offset).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(payloads(&store, &id).await, ["x", "y", "z"]);
    }
}

/// All commands of an aggregate are in one partition, so its ids are unique there; another partition may have the same id.
pub async fn an_id_is_unique_within_its_partition(store: Subject) {
    let info = store.log_info().await.unwrap();
    for (partition, id) in one_of_each(&info) {
        let claim = store.claim(partition).await.unwrap();
        let entry = accepted("the same", &id, 0, &["x"]);
        assert_eq!(commit(&store, claim, std::slice::from_ref(&entry)).await, [committed(1, 0)]);
        let again = commit(&store, claim, &[entry]).await;
        assert!(
            matches!(&again[..], [EntryResult::Duplicate(record)] if record.aggregate == account(&id)),
            "{again:?}"
        );
    }
    let first = store.command("the same").await.unwrap().unwrap();
    assert_eq!(PartitionId::of(&first.aggregate, 3), PartitionId::FIRST);
}

/// A history and the recent commands have the streams of all partitions.
pub async fn a_history_covers_all_partitions(store: Subject) {
    let info = store.log_info().await.unwrap();
    let accounts = one_of_each(&info);
    for (now, (partition, id)) in (1..).zip(&accounts) {
        let claim = store.claim(*partition).await.unwrap();
        commit(&store, claim, &[at(now * 10, accepted(&format!("{id} opened"), id, 0, &["x"]))]).await;
        commit(&store, claim, &[at(100 - now, rejected(&format!("{id} asked"), id, 1))]).await;
    }
    let read = history::read_streams(&store, &HistoryQuery::default()).await;
    let streams: BTreeSet<_> = read.iter().map(|(aggregate, _)| aggregate.id.clone()).collect();
    assert_eq!(streams, accounts.iter().map(|(_, id)| id.clone()).collect());
    let recent = store.recent_commands(&["Account".into()], 4).await.unwrap();
    let times: Vec<u64> = recent.iter().map(|record| record.context.now.0).collect();
    assert_eq!(times, [30, 97, 98, 99], "the newest of all, the oldest first");
}

/// A log has the number of partitions that it was created with.
pub async fn an_unknown_partition_is_refused(store: Subject) {
    assert!(store.claim(PartitionId(3)).await.is_err());
    assert!(store.log_head(PartitionId(3)).await.is_err());
    let query = EventQuery { partition: PartitionId(3), limit: 9, ..EventQuery::default() };
    assert!(store.read_events(&query).await.is_ok_and(|events| events.is_empty()));
}
