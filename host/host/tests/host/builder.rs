//! Hosts that are built with few settings.

use cantus_host::{Host, StateAt};

use crate::fixture::{HostFolder, counter, increment};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_default_settings_decides_commands() {
    let folder = HostFolder::with_counter();
    let store = format!("sqlite:{}", folder.path("data/cantus.db").display());
    let builder = Host::builder().store(store).plugins(folder.path("plugins")).data(folder.path("data"));
    let host = builder.start().await.unwrap();
    let first = host.execute(increment("1")).await.unwrap();
    assert_eq!((first.version, first.duplicate), (1, false));
    let again = host.execute(increment("1")).await.unwrap();
    assert_eq!((again.version, again.duplicate), (1, true));
    let pending = host.submit(increment("2")).unwrap();
    assert_eq!(pending.await.unwrap().version, 2);
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_commands_survive_a_shutdown() {
    let folder = HostFolder::with_counter();
    for (id, version) in [("1", 1), ("2", 2)] {
        let host = folder.start().await;
        assert_eq!(host.execute(increment(id)).await.unwrap().version, version);
        host.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_store_ends_with_its_host() {
    let folder = HostFolder::with_counter();
    for _ in 0..2 {
        let builder = Host::builder().settings(folder.settings()).store("memory:");
        let host = builder.start().await.unwrap();
        assert_eq!(host.execute(increment("1")).await.unwrap().version, 1);
        let state = host.query().state(&counter(), StateAt::Latest).await.unwrap();
        assert_eq!(state.state, br#"{"value":1}"#);
        host.shutdown().await;
    }
    assert!(!folder.path("data/cantus.db").exists());
}
