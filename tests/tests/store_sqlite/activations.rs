//! The log of activations on disk and with several processes.

use std::sync::Arc;

use cantus_model::ports::StoreError;
use cantus_store::SqliteStore;
use cantus_tests::store_suite::{activations::*, given::*};

use super::{fixture, open, tamper};

#[tokio::test]
async fn activations_survive_a_restart() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let (bank, shop) = (component("bank", "1.0.0", "a"), component("shop", "1.0.0", "b"));
    for (seq, component) in [(1, &shop), (2, &bank), (3, &shop)] {
        assert!(
            store
                .append_activation(ActivationAuthor::Operator, &activation(seq, component), Some(component))
                .await
                .unwrap()
        );
    }
    let before = (store.activations(0).await.unwrap(), store.components().await.unwrap());
    drop(store);

    let reader: Subject = Arc::new(SqliteStore::open_read_only(&url).await.unwrap());
    assert_eq!((reader.activations(0).await.unwrap(), reader.components().await.unwrap()), before);
    let refused = reader.append_activation(ActivationAuthor::Operator, &activation(4, &bank), Some(&bank)).await;
    assert!(matches!(refused, Err(StoreError::Unwritable(_))), "{refused:?}");
    let store = open(&url).await;
    assert!(!store.append_activation(ActivationAuthor::Operator, &activation(3, &bank), None).await.unwrap());
    assert!(store.append_activation(ActivationAuthor::Operator, &activation(4, &bank), None).await.unwrap());
    assert!(
        store
            .append_activation(
                ActivationAuthor::Operator,
                &activation(5, &bank),
                Some(&component("bank", "1.0.0", "c"))
            )
            .await
            .is_err()
    );
    assert_eq!(reader.activations(3).await.unwrap(), [activation(4, &bank)]);
}

/// A host commits and three operators append, each on connections of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_append_while_a_host_commits() {
    let (_folder, _, url) = fixture();
    let host = open(&url).await;
    let claim = host.claim(PartitionId::FIRST).await.unwrap();
    let mut appending = vec![];
    for who in ["one", "two", "three"] {
        appending.push(tokio::spawn(append_ten(open(&url).await, who.into())));
    }
    for n in 0..50 {
        commit(&host, claim, &[accepted(&format!("c{n}"), "a", n, &["x"])]).await;
    }
    for task in appending {
        task.await.unwrap();
    }
    let all = host.activations(0).await.unwrap();
    assert_eq!(all.iter().map(|activation| activation.seq).collect::<Vec<_>>(), (1..=30).collect::<Vec<_>>());
    assert_whole(&host).await;
}

#[tokio::test]
async fn damaged_activations_are_refused() {
    for damage in [
        "DELETE FROM activation WHERE seq = 2",
        "UPDATE activation SET cause = ''",
        "UPDATE activation SET to_digest = x'00'",
    ] {
        let (_folder, path, url) = fixture();
        let store = open(&url).await;
        let bank = component("bank", "1.0.0", "a");
        for seq in 1..4 {
            assert!(
                store
                    .append_activation(ActivationAuthor::Operator, &activation(seq, &bank), Some(&bank))
                    .await
                    .unwrap()
            );
        }
        tamper(&path, damage);
        let read = store.activations(0).await;
        assert!(matches!(read, Err(StoreError::Corrupt(_))), "{damage}: {read:?}");
    }
}
