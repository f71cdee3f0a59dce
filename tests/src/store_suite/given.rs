//! Short functions that build entries and read stores.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, Context, Decision, Digest, Entry, EntryResult, EventQuery, Message, PageLimit, RecordedEvent,
    Rejection, Timestamp, Verdict, ports::Store,
};
pub use cantus_model::{
    PartitionId,
    ports::{ActivationAuthor, Claim},
};

/// The store that a case runs on.
pub type Subject = Arc<dyn Store>;

/// Returns the aggregate of an account.
pub fn account(id: &str) -> AggregateRef {
    AggregateRef::new("Account", id)
}

/// Returns a command `id` to the account `of`, accepted with events that have the payloads `events`.
pub fn accepted(id: &str, of: &str, base: u64, events: &[&str]) -> Entry {
    let events = events.iter().map(|payload| message("Deposited", payload.as_bytes())).collect();
    decided(id, of, base, Verdict::Accepted(events))
}

/// Returns a command `id` to the account `of`, rejected.
pub fn rejected(id: &str, of: &str, base: u64) -> Entry {
    let detail = Some(b"{\"missing\":3}".to_vec());
    let rejection = Rejection { code: "insufficient-funds".into(), message: "the account lacks 3".into(), detail };
    decided(id, of, base, Verdict::Rejected(rejection))
}

/// Returns a probe for the command `id`, with the request of [`accepted`] and [`rejected`].
pub fn probe(id: &str, of: &str) -> Entry {
    Entry { decision: None, ..decided(id, of, 0, Verdict::Accepted(vec![])) }
}

/// Returns another request under the same id.
pub fn with_another_body(entry: Entry) -> Entry {
    Entry { request_hash: Digest::of(b"another body"), ..entry }
}

/// Returns the entry, decided at `now`.
pub fn at(now: u64, mut entry: Entry) -> Entry {
    entry.decision.as_mut().unwrap().context.now = Timestamp(now);
    entry
}

/// Returns a message of schema version 1.
pub fn message(name: &str, payload: &[u8]) -> Message {
    Message { name: name.into(), version: 1, payload: payload.into() }
}

/// Returns a command `id` to the account `of`, decided on version `base`.
pub fn decided(id: &str, of: &str, base: u64, verdict: Verdict) -> Entry {
    let context = Context {
        command_id: id.into(),
        now: Timestamp(1_000),
        seed: Digest::of(id.as_bytes()).seed(),
        correlation_id: id.into(),
        causation_id: None,
        actor: Some("somebody".into()),
        metadata: vec![],
    };
    let command = message("Deposit", format!("{{\"id\":{id:?}}}").as_bytes());
    Entry {
        command_id: id.into(),
        request_hash: Digest::of_parts([of.as_bytes(), id.as_bytes()]),
        aggregate: account(of),
        decision: Some(Decision { base_version: base, command, context, verdict, component: Digest::of(b"bank") }),
    }
}

/// Returns `EntryResult::Committed`.
pub fn committed(version: u64, first_offset: impl Into<Option<u64>>) -> EntryResult {
    EntryResult::Committed { version, first_offset: first_offset.into() }
}

/// Commits `entries` in one batch, which must succeed.
pub async fn commit(store: &Subject, claim: Claim, entries: &[Entry]) -> Vec<EntryResult> {
    store.commit(claim, entries).await.unwrap()
}

/// Reads the whole log in small pages.
pub async fn whole_log(store: &Subject) -> Vec<RecordedEvent> {
    let mut log: Vec<RecordedEvent> = vec![];
    loop {
        let after = log.last().map(|event| event.position.offset);
        let page =
            store.read_events(&EventQuery { aggregate: None, after, limit: 7, ..Default::default() }).await.unwrap();
        if page.is_empty() {
            return log;
        }
        log.extend(page);
    }
}

/// Reads the payloads of a stream as strings.
pub async fn payloads(store: &Subject, of: &str) -> Vec<String> {
    let batch = store.read_stream(&account(of), 0, PageLimit::events(usize::MAX)).await.unwrap();
    batch.iter().map(|(_, payload)| String::from_utf8(payload.to_vec()).unwrap()).collect()
}

/// Checks that offsets and versions have no gaps and that heads agree with them.
pub async fn assert_whole(store: &Subject) {
    let log = whole_log(store).await;
    assert_eq!(store.log_head(PartitionId::FIRST).await.unwrap(), log.len() as u64);
    let mut versions = std::collections::BTreeMap::<_, u64>::new();
    for (offset, event) in log.iter().enumerate() {
        assert_eq!(event.position.offset, offset as u64);
        let version = versions.entry(event.aggregate.clone()).or_default();
        *version += 1;
        assert_eq!(event.version, *version, "{}", event.aggregate);
        let record = store.command(&event.command_id).await.unwrap().expect("an event's command is recorded");
        let first = record.first_offset.expect("a command with events knows where they begin");
        assert!((first..first + record.version() - record.base_version).contains(&event.position.offset));
    }
    for (aggregate, version) in versions {
        assert_eq!(store.stream_head(&aggregate).await.unwrap().version, version, "{aggregate}");
    }
}
