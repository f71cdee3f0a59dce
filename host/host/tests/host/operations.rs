//! Operations of a person through a running host.

use cantus_host::{ActivationCheck::Verified, HostError};
use cantus_tests::guests;

use crate::fixture::{HostFolder, add, reason};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_activated_rolled_back_and_deactivated() {
    let folder = HostFolder::with_tally();
    let host = folder.start().await;
    host.execute(add("1", 1)).await.unwrap();
    folder.put("tally.wasm", &guests::shifty("tally", "1.1.0", "good"));

    let activated = host.operations().activate("tally@1.1.0", Verified, reason("better")).await.unwrap();
    let versions = |recorded: &cantus_host::RecordedActivation| {
        [&recorded.before, &recorded.version].map(|version| version.as_ref().map(ToString::to_string))
    };
    assert_eq!(versions(&activated), [Some("1.0.0".into()), Some("1.1.0".into())]);
    assert_eq!((&*activated.activation.who, &*activated.activation.why), ("ada", "better"));
    let twice = host.operations().activate("tally@1.1.0", Verified, reason("")).await.unwrap_err();
    assert!(matches!(twice, HostError::NotFound(_)), "{twice}");

    let back = host.operations().rollback("tally", reason("worse")).await.unwrap();
    assert_eq!(versions(&back), [Some("1.1.0".into()), Some("1.0.0".into())]);

    let blocked = host.operations().deactivate("tally", reason("over")).await.unwrap_err();
    assert!(blocked.to_string().contains("is in the folder of plugins: remove it first"), "{blocked}");
    std::fs::remove_file(folder.path("plugins/tally.wasm")).unwrap();
    let ended = host.operations().deactivate("tally", reason("over")).await.unwrap();
    assert_eq!(versions(&ended), [Some("1.0.0".into()), None]);
    assert_eq!(host.query().plugin_history("tally").await.unwrap().len(), 4);
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_changes_a_decision_is_refused() {
    let folder = HostFolder::with_tally();
    let host = folder.start().await;
    for (id, amount) in [("1", 6), ("2", 7)] {
        host.execute(add(id, amount)).await.unwrap();
    }
    folder.put("patch.wasm", &guests::shifty("tally", "1.0.1", "limit-10"));
    let refused = host.operations().activate("tally@1.0.1", Verified, reason("")).await.unwrap_err();
    let HostError::Verification(report) = refused else { panic!("{refused}") };
    assert_eq!(report.checked(), 2);
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_component_is_not_found() {
    let folder = HostFolder::with_tally();
    let host = folder.start().await;
    for (name, expected) in [
        ("tally@9.9.9", "these versions were live before: 1.0.0"),
        ("nobody@1.0.0", "no version of nobody was live before"),
        ("tally@one", "is not a version"),
        ("abc", "at least 6 characters of a digest"),
        ("000000", "no component has a digest that begins with 000000"),
    ] {
        let error = host.operations().activate(name, Verified, reason("")).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    assert!(host.operations().rollback("tally", reason("")).await.is_err());
    host.shutdown().await;
}
