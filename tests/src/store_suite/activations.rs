//! The log of activations.

use cantus_model::{
    Activation, ActivationCause, AggregateType, CommandType, ComponentRecord, Digest, Manifest, MessageKind, Timestamp,
    ports::StoreError,
};

use super::given::*;

/// Returns a component with this name and version and these bytes.
pub fn component(name: &str, version: &str, bytes: &str) -> ComponentRecord {
    let produces = vec![MessageKind { name: "Deposited".into(), version: 1 }];
    let schema = serde_json::json!({ "type": "object", "description": "\"é\"\u{0}", "maximum": u64::MAX });
    let commands = vec![CommandType { name: "Deposit".into(), version: 1, schema, produces }];
    let account = AggregateType { name: "Account".into(), snapshot_every: 50, commands, events: vec![] };
    let manifest = Manifest {
        name: name.into(),
        version: version.parse().unwrap(),
        payload_format: "application/json".into(),
        aggregates: vec![account],
    };
    ComponentRecord { digest: Digest::of(bytes.as_bytes()), manifest, first_seen: Timestamp(7) }
}

/// Returns the activation with this sequence number, which makes `component` live.
pub fn activation(seq: u64, component: &ComponentRecord) -> Activation {
    Activation {
        seq,
        at: Timestamp(seq / 2),
        plugin: component.manifest.name.clone(),
        cause: ActivationCause::Dropped,
        from: None,
        to: Some(component.digest),
        who: "plugins/bank.wasm".into(),
        why: "it was dropped".into(),
        report: None,
    }
}

async fn append(store: &Subject, activation: &Activation, component: Option<&ComponentRecord>) -> bool {
    store.append_activation(ActivationAuthor::Operator, activation, component).await.unwrap()
}

/// Every field is read as it was written, for every cause, with and without the optional ones.
pub async fn activations_are_read_in_order(store: Subject) {
    assert_eq!(store.activations(0).await.unwrap(), []);
    assert_eq!(store.components().await.unwrap(), []);
    let (old, new) = (component("bank", "1.0.0", "old"), component("bank", "1.1.0-rc.1+linux", "new"));
    let first = activation(1, &new);
    let causes =
        [ActivationCause::Removed, ActivationCause::Activated, ActivationCause::RolledBack, ActivationCause::Faulted];
    let others = (2..).zip(causes).map(|(seq, cause)| Activation {
        at: Timestamp(i64::MAX as u64),
        cause,
        from: Some(new.digest),
        to: (cause != ActivationCause::Removed).then_some(old.digest),
        who: "\"é\"\u{0}".into(),
        why: String::new(),
        report: Some("{\"checked\":1000}".repeat(100_000)),
        ..activation(seq, &old)
    });
    let all: Vec<_> = std::iter::once(first).chain(others).collect();
    for activation in &all {
        let component = [&old, &new].into_iter().find(|component| activation.to == Some(component.digest));
        assert!(append(&store, activation, component).await);
    }
    assert!(store.activations(0).await.unwrap() == all);
    assert!(store.activations(3).await.unwrap() == all[3..]);
    for after in [5, 6, u64::MAX] {
        assert_eq!(store.activations(after).await.unwrap(), []);
    }
    assert_eq!(store.components().await.unwrap(), [new, old], "in the order in which they went live");
}

/// A sequence number that is not the next one writes nothing, not even the component.
pub async fn only_the_next_activation_is_appended(store: Subject) {
    let (bank, other) = (component("bank", "1.0.0", "a"), component("bank", "1.1.0", "b"));
    assert!(!append(&store, &activation(0, &bank), Some(&bank)).await);
    assert!(!append(&store, &activation(2, &bank), Some(&bank)).await);
    assert!(append(&store, &activation(1, &bank), Some(&bank)).await);
    for seq in [0, 1, 3, u64::MAX] {
        assert!(!append(&store, &activation(seq, &other), Some(&other)).await);
    }
    assert_eq!(store.activations(0).await.unwrap(), [activation(1, &bank)]);
    assert_eq!(store.components().await.unwrap(), [bank]);
}

/// Tasks append at the same time: each append gets a number of its own, and none is lost.
pub async fn concurrent_appends_take_turns(store: Subject) {
    let tasks: Vec<_> = (0..6).map(|task| tokio::spawn(append_ten(store.clone(), format!("task {task}")))).collect();
    let mut refused = 0;
    for task in tasks {
        refused += task.await.unwrap();
    }
    let all = store.activations(0).await.unwrap();
    assert_eq!(all.iter().map(|activation| activation.seq).collect::<Vec<_>>(), (1..=60).collect::<Vec<_>>());
    for task in 0..6 {
        assert_eq!(all.iter().filter(|activation| activation.who == format!("task {task}")).count(), 10);
    }
    assert!(refused > 0, "nobody raced");
    assert_eq!(store.components().await.unwrap().len(), 1);
}

/// Appends ten activations, each after the last one. Returns how often another task was first.
pub async fn append_ten(store: Subject, who: String) -> usize {
    let bank = component("bank", "1.0.0", "bytes");
    let (mut appended, mut refused) = (0, 0);
    while appended < 10 {
        let last = store.activations(0).await.unwrap().last().map_or(0, |last| last.seq);
        tokio::task::yield_now().await;
        let next = Activation { who: who.clone(), ..activation(last + 1, &bank) };
        match append(&store, &next, Some(&bank)).await {
            true => appended += 1,
            false => refused += 1,
        }
    }
    refused
}

/// The same bytes may go live again and again; other bytes with their name and version never.
pub async fn a_version_keeps_its_digest(store: Subject) {
    let (bank, forged) = (component("bank", "1.0.0", "bytes"), component("bank", "1.0.0", "other bytes"));
    assert!(append(&store, &activation(1, &bank), Some(&bank)).await);
    let error =
        store.append_activation(ActivationAuthor::Operator, &activation(2, &forged), Some(&forged)).await.unwrap_err();
    let StoreError::Other(text) = &error else { panic!("{error}") };
    for part in ["bank", "1.0.0", &bank.digest.short(), &forged.digest.short()] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(store.activations(0).await.unwrap().len(), 1);
    assert_eq!(store.components().await.unwrap(), std::slice::from_ref(&bank));

    let seen_later = ComponentRecord { first_seen: Timestamp(9_000), ..bank.clone() };
    assert!(append(&store, &activation(2, &bank), Some(&seen_later)).await);
    let (other_name, other_version) = (component("shop", "1.0.0", "x"), component("bank", "1.0.1", "y"));
    assert!(append(&store, &activation(3, &other_name), Some(&other_name)).await);
    assert!(append(&store, &activation(4, &other_version), Some(&other_version)).await);
    assert_eq!(store.components().await.unwrap(), [bank, other_name, other_version], "as they were first seen");
}

/// The log of activations does not affect the log of events.
pub async fn an_operator_needs_no_claim_and_fences_nobody(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    let bank = component("bank", "1.0.0", "bytes");
    assert!(append(&store, &activation(1, &bank), Some(&bank)).await);
    assert_eq!(commit(&store, claim, &[accepted("c2", "a", 1, &["y"])]).await, [committed(2, 1)]);
    assert_whole(&store).await;
}

/// A host that another one has replaced records nothing.
pub async fn an_activation_of_a_fenced_host_is_refused(store: Subject) {
    let bank = component("bank", "1.0.0", "a");
    let first = ActivationAuthor::Host(store.claim(PartitionId::FIRST).await.unwrap());
    assert!(store.append_activation(first, &activation(1, &bank), Some(&bank)).await.unwrap());
    let second = ActivationAuthor::Host(store.claim(PartitionId::FIRST).await.unwrap());
    let late = store.append_activation(first, &activation(2, &bank), Some(&bank)).await;
    assert_eq!(late, Err(StoreError::Fenced));
    assert!(store.append_activation(second, &activation(2, &bank), Some(&bank)).await.unwrap());
}
