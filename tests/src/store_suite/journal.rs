//! Commits of single commands, and claims.

use cantus_model::{
    CommandRecord, EntryResult, EventQuery, Outcome, Position, RecordedEvent, StreamHead, Timestamp,
    ports::{Claim, StoreError},
};

use super::given::*;

/// The events are read with their positions, the record with its context.
pub async fn a_decision_is_recorded_with_its_events(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entry = at(5_000, accepted("c1", "a", 0, &["x", "y"]));
    assert_eq!(commit(&store, claim, std::slice::from_ref(&entry)).await, [committed(2, 0)]);

    let event = |offset, payload: &str| RecordedEvent {
        position: Position { partition: PartitionId::FIRST, offset },
        aggregate: account("a"),
        version: offset + 1,
        event: message("Deposited", payload.as_bytes()),
        recorded_at: Timestamp(5_000),
        command_id: "c1".into(),
    };
    assert_eq!(whole_log(&store).await, [event(0, "x"), event(1, "y")]);
    let query = EventQuery { aggregate: Some(account("a")), after: None, limit: 9, ..Default::default() };
    assert_eq!(store.read_events(&query).await.unwrap(), [event(0, "x"), event(1, "y")]);
    assert_eq!(payloads(&store, "a").await, ["x", "y"]);

    let head = store.stream_head(&account("a")).await.unwrap();
    assert_eq!((head.version, head.last_at), (2, Timestamp(5_000)));
    let decision = entry.decision.unwrap();
    let record = CommandRecord {
        aggregate: account("a"),
        request_hash: entry.request_hash,
        base_version: 0,
        command: decision.command,
        context: decision.context,
        outcome: Outcome::Accepted { events: 2 },
        first_offset: Some(0),
        component: decision.component,
    };
    assert_eq!(store.command("c1").await.unwrap(), Some(record));
    assert_eq!(store.command("c2").await.unwrap(), None);
}

/// A retry gets the record, whatever the guest would decide now, and writes nothing.
pub async fn a_retry_gets_the_stored_record(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"]), accepted("c2", "a", 1, &["y"])]).await;
    let record = store.command("c1").await.unwrap().unwrap();
    let again = commit(&store, claim, &[at(9_000, accepted("c1", "a", 2, &["other", "events"]))]).await;
    assert_eq!(again, [EntryResult::Duplicate(Box::new(record))]);
    assert_eq!(payloads(&store, "a").await, ["x", "y"]);
    assert_eq!(store.stream_head(&account("a")).await.unwrap().last_at, Timestamp(1_000));
}

/// Another request under the same id gets no record and is not recorded.
pub async fn an_id_with_another_body_is_refused(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    let record = store.command("c1").await.unwrap();
    let other = with_another_body(accepted("c1", "a", 1, &["y"]));
    assert_eq!(commit(&store, claim, &[other]).await, [EntryResult::IdReused]);
    assert_eq!(store.command("c1").await.unwrap(), record);
    assert_eq!(payloads(&store, "a").await, ["x"]);
}

/// A retry has an older base version than the stream, and does not conflict.
pub async fn an_id_is_judged_before_its_base_version(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entry = accepted("c1", "a", 0, &["x"]);
    commit(&store, claim, std::slice::from_ref(&entry)).await;
    let results = commit(&store, claim, &[entry.clone(), with_another_body(entry)]).await;
    assert!(matches!(&results[..], [EntryResult::Duplicate(_), EntryResult::IdReused]), "{results:?}");
}

/// A base version behind or ahead conflicts: with and without events, for existing and new streams.
pub async fn a_wrong_base_version_conflicts(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x", "y"])]).await;
    let losers = [
        accepted("behind", "a", 1, &["z"]),
        accepted("ahead", "a", 3, &["z"]),
        accepted("quiet", "a", 1, &[]),
        rejected("rejected", "a", 0),
        accepted("far", "a", u64::MAX, &["z"]),
    ];
    assert_eq!(commit(&store, claim, &losers).await, vec![EntryResult::Conflict { actual: 2 }; 5]);
    let unborn = commit(&store, claim, &[accepted("unborn", "b", 1, &["z"])]).await;
    assert_eq!(unborn, [EntryResult::Conflict { actual: 0 }]);
    assert_eq!(payloads(&store, "a").await, ["x", "y"]);
    assert_whole(&store).await;
}

/// A command that conflicted is recorded when it is decided again.
pub async fn a_conflict_leaves_its_id_free(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let results = commit(&store, claim, &[accepted("c1", "a", 4, &["x"]), accepted("c1", "a", 0, &["x"])]).await;
    assert_eq!(results, [EntryResult::Conflict { actual: 0 }, committed(1, 0)]);
    assert_eq!(commit(&store, claim, &[accepted("c2", "a", 7, &["y"])]).await, [EntryResult::Conflict { actual: 1 }]);
    assert_eq!(store.command("c2").await.unwrap(), None);
    assert_eq!(commit(&store, claim, &[accepted("c2", "a", 1, &["y"])]).await, [committed(2, 1)]);
}

/// A command without events is recorded; the version of the stream stays.
pub async fn a_command_without_events_is_recorded(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let quiet = at(2_000, accepted("quiet", "a", 0, &[]));
    assert_eq!(commit(&store, claim, std::slice::from_ref(&quiet)).await, [committed(0, None)]);
    let head = store.stream_head(&account("a")).await.unwrap();
    assert_eq!(head, StreamHead::default());
    let record = store.command("quiet").await.unwrap().unwrap();
    assert_eq!((record.outcome.clone(), record.first_offset), (Outcome::Accepted { events: 0 }, None));
    assert_eq!(commit(&store, claim, &[quiet]).await, [EntryResult::Duplicate(Box::new(record))]);
    assert_eq!(commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await, [committed(1, 0)]);
    assert_eq!(commit(&store, claim, &[accepted("quiet again", "a", 1, &[])]).await, [committed(1, None)]);
}

/// A rejection is recorded with its code, message and detail, and is final.
pub async fn a_rejection_is_recorded(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let no = at(2_000, rejected("no", "a", 0));
    assert_eq!(commit(&store, claim, std::slice::from_ref(&no)).await, [committed(0, None)]);
    let record = store.command("no").await.unwrap().unwrap();
    assert_eq!(record.outcome, no.decision.as_ref().unwrap().verdict.outcome());
    assert_eq!(record.version(), 0);
    assert_eq!(commit(&store, claim, &[no]).await, [EntryResult::Duplicate(Box::new(record))]);
    let head = store.stream_head(&account("a")).await.unwrap();
    assert_eq!(head, StreamHead::default());
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), 0);
}

/// An entry without a decision writes nothing.
pub async fn a_probe_finds_only_a_recorded_command(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    assert_eq!(commit(&store, claim, &[probe("c1", "a")]).await, [EntryResult::Absent]);
    assert_eq!(store.command("c1").await.unwrap(), None);
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    let record = store.command("c1").await.unwrap().unwrap();
    let asked = [probe("c1", "a"), with_another_body(probe("c1", "a")), probe("c2", "a")];
    let answers = [EntryResult::Duplicate(Box::new(record)), EntryResult::IdReused, EntryResult::Absent];
    assert_eq!(commit(&store, claim, &asked).await, answers);
}

/// A writer that was paused is refused after another one has claimed.
pub async fn a_second_claim_fences_the_first(store: Subject) {
    let first = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, first, &[accepted("c1", "a", 0, &["x"])]).await;
    let second = store.claim(PartitionId::FIRST).await.unwrap();
    assert!(second > first);
    let late = [accepted("c2", "a", 1, &["late"])];
    assert_eq!(store.commit(first, &late).await, Err(StoreError::Fenced));
    assert_eq!(store.commit(first, &[probe("c1", "a")]).await, Err(StoreError::Fenced));
    assert_eq!(store.command("c2").await.unwrap(), None);
    assert_eq!(commit(&store, second, &late).await, [committed(2, 1)]);
}

/// A claim with an epoch that no claim returned is refused.
pub async fn a_claim_that_was_never_given_is_fenced(store: Subject) {
    let entries = [accepted("c1", "a", 0, &["x"])];
    assert_eq!(
        store.commit(Claim { partition: PartitionId::FIRST, epoch: 1 }, &entries).await,
        Err(StoreError::Fenced)
    );
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    assert_eq!(store.commit(Claim { epoch: claim.epoch + 1, ..claim }, &entries).await, Err(StoreError::Fenced));
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), 0);
}
