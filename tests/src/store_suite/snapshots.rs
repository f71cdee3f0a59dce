//! Snapshots.

use cantus_model::{Digest, Snapshot, ports::StoreError};

use super::given::*;

fn snapshot(of: &str, version: u64, state: &[u8]) -> Snapshot {
    Snapshot { aggregate: account(of), version, component: Digest::of(b"bank"), state: state.into() }
}

async fn load(store: &Subject, of: &str) -> Option<Snapshot> {
    store.load_snapshot(&account(of), Digest::of(b"bank")).await.unwrap()
}

/// A later snapshot replaces an earlier one, whatever their sizes.
pub async fn the_newest_snapshot_is_loaded(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x", "y", "z"])]).await;
    assert_eq!(load(&store, "a").await, None);
    for saved in [snapshot("a", 1, b""), snapshot("a", 2, &[0xff; 2_000_000]), snapshot("a", 3, b"{\"z\":1}")] {
        store.save_snapshots(claim, std::slice::from_ref(&saved)).await.unwrap();
        assert!(load(&store, "a").await == Some(saved));
    }
    store.save_snapshots(claim, &[]).await.unwrap();
    assert_eq!(payloads(&store, "a").await, ["x", "y", "z"]);
}

/// Only the component that wrote a snapshot can read it.
pub async fn a_snapshot_of_another_component_is_not_used(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    store.save_snapshots(claim, &[snapshot("a", 1, b"1")]).await.unwrap();
    let other = Digest::of(b"another build of the bank");
    assert_eq!(store.load_snapshot(&account("a"), other).await.unwrap(), None);
    let theirs = Snapshot { component: other, ..snapshot("a", 1, b"2") };
    store.save_snapshots(claim, std::slice::from_ref(&theirs)).await.unwrap();
    assert_eq!(store.load_snapshot(&account("a"), other).await.unwrap(), Some(theirs));
    assert_eq!(load(&store, "a").await, Some(snapshot("a", 1, b"1")));
}

/// A stream without records has no state to start from.
pub async fn a_snapshot_of_no_stream_is_not_stored(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    store.save_snapshots(claim, &[snapshot("nobody", 1, b"1"), snapshot("a", 1, b"2")]).await.unwrap();
    assert_eq!(load(&store, "nobody").await, None);
    assert_eq!(load(&store, "a").await, Some(snapshot("a", 1, b"2")));
}

/// A state of events that the log does not have is not used.
pub async fn a_snapshot_ahead_of_its_stream_is_not_used(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"])]).await;
    store.save_snapshots(claim, &[snapshot("a", 2, b"from the future")]).await.unwrap();
    assert_eq!(load(&store, "a").await, None);
}

/// 300 snapshots are saved in several transactions, between which commits get their turn.
pub async fn many_snapshots_are_saved_while_others_commit(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    let entries: Vec<_> = (0..300).map(|n| accepted(&format!("c{n}"), &n.to_string(), 0, &["x"])).collect();
    commit(&store, claim, &entries).await;
    let snapshots: Vec<_> = (0..300).map(|n| snapshot(&n.to_string(), 1, n.to_string().as_bytes())).collect();
    let saving = tokio::spawn({
        let (store, snapshots) = (store.clone(), snapshots.clone());
        async move { store.save_snapshots(claim, &snapshots).await }
    });
    for n in 0..50 {
        commit(&store, claim, &[accepted(&format!("d{n}"), "busy", n, &["x"])]).await;
    }
    saving.await.unwrap().unwrap();
    for saved in snapshots {
        assert_eq!(load(&store, &saved.aggregate.id).await, Some(saved));
    }
    assert_whole(&store).await;
}

/// Returns a snapshot of account `a` by `component`, whose state names the component and the version.
fn by(component: &str, version: u64) -> Snapshot {
    let state = format!("{component}{version}").into_bytes();
    Snapshot { component: Digest::of(component.as_bytes()), ..snapshot("a", version, &state) }
}

/// Loads the states of account `a` by these components.
async fn load_states(store: &Subject, components: &[&str]) -> Vec<String> {
    let mut states = vec![];
    for component in components {
        let digest = Digest::of(component.as_bytes());
        let snapshot = store.load_snapshot(&account("a"), digest).await.unwrap();
        assert!(snapshot.as_ref().is_none_or(|snapshot| snapshot.component == digest));
        states.push(snapshot.map_or("none".into(), |snapshot| String::from_utf8(snapshot.state).unwrap()));
    }
    states
}

/// After a swap and a roll-back each component finds its own snapshot.
pub async fn the_component_before_finds_its_snapshot_again(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"; 9]), accepted("c2", "b", 0, &["x"; 9])]).await;
    store.save_snapshots(claim, &[snapshot("b", 4, b"of another stream")]).await.unwrap();
    for (saved, states) in [
        (by("old", 1), ["old1", "none"]),
        (by("old", 2), ["old2", "none"]),
        (by("new", 3), ["old2", "new3"]),
        (by("new", 4), ["old2", "new4"]),
        (by("old", 5), ["old5", "new4"]),
        (by("old", 6), ["old6", "new4"]),
        (by("new", 6), ["old6", "new6"]),
    ] {
        store.save_snapshots(claim, &[saved]).await.unwrap();
        assert_eq!(load_states(&store, &["old", "new"]).await, states);
    }
    assert_eq!(load(&store, "b").await, Some(snapshot("b", 4, b"of another stream")));
}

/// A stream has at most two snapshots, whatever the number of components.
pub async fn a_third_component_replaces_the_oldest_snapshot(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"; 9])]).await;
    let components = ["one", "two", "three"];
    for (saved, states) in [
        (by("one", 5), ["one5", "none", "none"]),
        (by("two", 5), ["one5", "two5", "none"]),
        (by("three", 5), ["none", "two5", "three5"]),
        (by("two", 6), ["none", "two6", "three5"]),
        (by("one", 3), ["one3", "two6", "none"]),
    ] {
        store.save_snapshots(claim, &[saved]).await.unwrap();
        assert_eq!(load_states(&store, &components).await, states);
    }
}

/// Several snapshots of a stream in one call have the same effect as several calls.
pub async fn one_call_saves_what_several_calls_would(store: Subject) {
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("c1", "a", 0, &["x"; 9]), accepted("c2", "b", 0, &["x"; 9])]).await;
    let at_once = [by("one", 1), by("one", 2), by("two", 3), snapshot("b", 1, b"b1"), by("two", 4), by("three", 5)];
    store.save_snapshots(claim, &at_once).await.unwrap();
    assert_eq!(load_states(&store, &["one", "two", "three"]).await, ["none", "two4", "three5"]);
    assert_eq!(load(&store, "b").await, Some(snapshot("b", 1, b"b1")));
    store.save_snapshots(claim, &[by("three", 6), by("four", 6), by("three", 7), by("four", 8)]).await.unwrap();
    assert_eq!(load_states(&store, &["two", "three", "four"]).await, ["none", "three7", "four8"]);
}

/// A host that another one has replaced saves nothing.
pub async fn a_fenced_host_saves_no_snapshot(store: Subject) {
    let first = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, first, &[accepted("c1", "a", 0, &["x"])]).await;
    store.claim(PartitionId::FIRST).await.unwrap();
    assert_eq!(store.save_snapshots(first, &[snapshot("a", 1, b"1")]).await, Err(StoreError::Fenced));
    assert_eq!(load(&store, "a").await, None);
}
