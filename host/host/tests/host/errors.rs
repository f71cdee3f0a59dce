//! Hosts that cannot start, and queries that fail.

use cantus_host::{Host, HostError, HostSettings, Operations, Queries, StateAt};

use crate::fixture::{HostFolder, counter};

async fn start_error(settings: HostSettings) -> HostError {
    let error = Host::builder().settings(settings).start().await.err().expect("the host does not start");
    assert!(!error.to_string().contains("--"), "a library user has no flags: {error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_plugins_does_not_start() {
    let folder = HostFolder::with(&[]);
    let missing = HostSettings { plugins: folder.path("nowhere"), ..folder.settings() };
    for settings in [folder.settings(), missing] {
        let error = start_error(settings).await;
        assert!(matches!(error, HostError::Plugin(_)), "{error}");
        assert!(error.to_string().contains("set `plugins` to another folder"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_plugins_are_listed_with_their_reasons() {
    let folder = HostFolder::with(&[("text.wasm", b"not a component".to_vec())]);
    let error = start_error(folder.settings()).await;
    let HostError::PluginsRefused(refused) = error else { panic!("{error}") };
    let [refused] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(refused.file, folder.path("plugins/text.wasm"));
    assert!(!refused.reason.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_opened_is_an_error() {
    let folder = HostFolder::with_counter();
    for store in ["nonsense".to_owned(), format!("sqlite:{}", folder.path("plugins").display())] {
        let error = start_error(HostSettings { store, ..folder.settings() }).await;
        assert!(matches!(error, HostError::Store(_)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_sandboxes_are_refused() {
    let folder = HostFolder::with_counter();
    let mut settings = folder.settings();
    settings.wasm.sandboxes = 2;
    let error = start_error(settings).await;
    assert!(matches!(error, HostError::Invalid(_)), "{error}");
    assert!(error.to_string().contains("the setting wasm.sandboxes is 2"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_creates_no_store() {
    let folder = HostFolder::with_counter();
    assert!(matches!(Queries::open(&folder.settings()).await, Err(HostError::Store(_))));
    assert!(matches!(Operations::open(&folder.settings()).await, Err(HostError::Store(_))));
    assert!(!folder.path("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_without_events_is_not_found() {
    let folder = HostFolder::with_counter();
    let host = folder.start().await;
    let error = host.query().state(&counter(), StateAt::Latest).await.err().unwrap();
    assert!(matches!(error, HostError::NotFound(_)), "{error}");
    host.shutdown().await;
}
