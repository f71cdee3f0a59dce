//! The disposable cache.

use cantus_model::{Digest, Snapshot};

use super::given::*;

fn snapshot(of: &str, version: u64, state: &[u8]) -> Snapshot {
    Snapshot { aggregate: account(of), version, component: Digest::of(b"bank"), state: state.into() }
}

async fn load(store: &Subject, of: &str) -> Option<Snapshot> {
    store.load_snapshot(&account(of), Digest::of(b"bank")).await.unwrap()
}

/// A later one takes the place of an earlier one, of any size.
pub async fn the_newest_is_loaded(store: Subject) {
    let epoch = store.claim().await.unwrap();
    commit(&store, epoch, &[accepted("c1", "a", 0, &["x", "y", "z"])]).await;
    assert_eq!(load(&store, "a").await, None);
    for saved in [snapshot("a", 1, b""), snapshot("a", 2, &[0xff; 2_000_000]), snapshot("a", 3, b"{\"z\":1}")] {
        store.save_snapshots(std::slice::from_ref(&saved)).await.unwrap();
        assert!(load(&store, "a").await == Some(saved));
    }
    store.save_snapshots(&[]).await.unwrap();
    assert_eq!(payloads(&store, "a").await, ["x", "y", "z"]);
}

/// Only the component that wrote it understands it.
pub async fn another_components_is_not_used(store: Subject) {
    let epoch = store.claim().await.unwrap();
    commit(&store, epoch, &[accepted("c1", "a", 0, &["x"])]).await;
    store.save_snapshots(&[snapshot("a", 1, b"1")]).await.unwrap();
    let other = Digest::of(b"another build of the bank");
    assert_eq!(store.load_snapshot(&account("a"), other).await.unwrap(), None);
    let theirs = Snapshot { component: other, ..snapshot("a", 1, b"2") };
    store.save_snapshots(std::slice::from_ref(&theirs)).await.unwrap();
    assert_eq!(store.load_snapshot(&account("a"), other).await.unwrap(), Some(theirs));
    assert_eq!(load(&store, "a").await, None);
}

/// A state of nothing is of no use.
pub async fn of_no_stream_is_not_kept(store: Subject) {
    let epoch = store.claim().await.unwrap();
    commit(&store, epoch, &[accepted("c1", "a", 0, &["x"])]).await;
    store.save_snapshots(&[snapshot("nobody", 1, b"1"), snapshot("a", 1, b"2")]).await.unwrap();
    assert_eq!(load(&store, "nobody").await, None);
    assert_eq!(load(&store, "a").await, Some(snapshot("a", 1, b"2")));
}

/// The log is the truth: a state of events that it does not have is none.
pub async fn ahead_of_its_stream_is_not_used(store: Subject) {
    let epoch = store.claim().await.unwrap();
    commit(&store, epoch, &[accepted("c1", "a", 0, &["x"])]).await;
    store.save_snapshots(&[snapshot("a", 2, b"from the future")]).await.unwrap();
    assert_eq!(load(&store, "a").await, None);
}

/// While others commit.
pub async fn many_at_once(store: Subject) {
    let epoch = store.claim().await.unwrap();
    let entries: Vec<_> = (0..300).map(|n| accepted(&format!("c{n}"), &n.to_string(), 0, &["x"])).collect();
    commit(&store, epoch, &entries).await;
    let snapshots: Vec<_> = (0..300).map(|n| snapshot(&n.to_string(), 1, n.to_string().as_bytes())).collect();
    let saving = tokio::spawn({
        let (store, snapshots) = (store.clone(), snapshots.clone());
        async move { store.save_snapshots(&snapshots).await }
    });
    for n in 0..50 {
        commit(&store, epoch, &[accepted(&format!("d{n}"), "busy", n, &["x"])]).await;
    }
    saving.await.unwrap().unwrap();
    for saved in snapshots {
        assert_eq!(load(&store, &saved.aggregate.id).await, Some(saved));
    }
    assert_whole(&store).await;
}
