//! Queries of a running host, and without one.

use cantus_engine::registry::FileState;
use cantus_host::{BranchCommand, Host, HostError, Queries, StateAt, WhatIfRequest};
use cantus_model::{EventQuery, Timestamp};
use cantus_replay::whatif::BranchPoint;

use crate::fixture::{HostFolder, counter, increment};

/// A host that has counted to three.
async fn counted(folder: &HostFolder) -> Host {
    let host = folder.start().await;
    for id in ["1", "2", "3"] {
        host.execute(increment(id)).await.unwrap();
        // Two events must not have the same time.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    host
}

async fn events(queries: &Queries) -> Vec<(u64, Timestamp)> {
    let mut pages = queries.events(EventQuery { limit: 10, ..EventQuery::default() });
    let mut events = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        events.extend(page.into_iter().map(|event| (event.version, event.recorded_at)));
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_folded_at_a_version_or_a_time() {
    let folder = HostFolder::with_counter();
    let host = counted(&folder).await;
    let queries = host.query();
    let events = events(queries).await;
    assert_eq!(events.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3]);
    let second = events[1].1;
    for (at, version) in [
        (StateAt::Latest, 3),
        (StateAt::Version(0), 0),
        (StateAt::Version(2), 2),
        (StateAt::Time(second), 2),
        (StateAt::Time(Timestamp(second.0 - 1)), 1),
        (StateAt::Time(Timestamp(0)), 0),
    ] {
        let state = queries.state(&counter(), at).await.unwrap();
        assert_eq!((state.version, state.latest_version), (version, 3), "{at:?}");
        assert_eq!(state.state, format!("{{\"value\":{version}}}").into_bytes(), "{at:?}");
    }
    let missing = queries.state(&counter(), StateAt::Version(4)).await.err().unwrap();
    assert!(matches!(missing, HostError::NotFound(_)), "{missing}");
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_command_is_explained() {
    let folder = HostFolder::with_counter();
    counted(&folder).await.shutdown().await;
    let queries = Queries::open(&folder.settings()).await.unwrap();
    let explanation = queries.explain("2").await.unwrap().unwrap();
    assert_eq!(explanation.states.unwrap(), [br#"{"value":1}"#, br#"{"value":2}"#]);
    assert_eq!(explanation.component.unwrap().manifest.name, "counter");
    assert_eq!(explanation.events.len(), 1);
    assert!(queries.explain("4").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_timeline_lacks_the_removed_command() {
    let folder = HostFolder::with_counter();
    counted(&folder).await.shutdown().await;
    let queries = Queries::open(&folder.settings()).await.unwrap();
    let request = |branch, branch_command| WhatIfRequest {
        branch,
        branch_command,
        commands: Vec::new(),
        plugin: None,
        limit: 10,
    };
    let branch = queries.branch(counter(), &BranchPoint::Version(2)).await.unwrap();
    let answer = queries.whatif(request(branch, BranchCommand::Remove)).await.unwrap();
    assert_eq!(answer.timelines.now.state.unwrap(), br#"{"value":2}"#);
    assert_eq!(answer.timelines.before.state.unwrap(), br#"{"value":3}"#);
    let start = queries.branch(counter(), &BranchPoint::Version(0)).await.unwrap();
    let nothing = queries.whatif(request(start, BranchCommand::Remove)).await.err().unwrap();
    assert!(matches!(nothing, HostError::Invalid(_)), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_components_are_listed_before_other_files() {
    let folder = HostFolder::with_counter();
    folder.put("text.wasm", b"not a component");
    let host = folder.start().await;
    let plugins = host.query().plugins().await.unwrap();
    let [live, refused] = &plugins[..] else { panic!("{plugins:?}") };
    assert_eq!((live.plugin.as_deref(), live.state), (Some("counter"), FileState::Active));
    assert_eq!((live.file.as_deref(), live.activation.is_some()), (Some("counter.wasm"), true));
    assert_eq!((refused.file.as_deref(), refused.activation.is_some()), (Some("text.wasm"), false));
    let history = host.query().plugin_history("counter").await.unwrap();
    assert_eq!(history.len(), 1);
    assert!(matches!(host.query().plugin_history("nobody").await, Err(HostError::NotFound(_))));
    host.shutdown().await;
}
