//! Hosts that follow the folder of plugins.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cantus_engine::registry::{FileState, RegistryNotice};
use cantus_host::Host;
use cantus_tests::guests;
use tokio::time::timeout;

use crate::fixture::{HostFolder, add};

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_put_into_the_folder_goes_live() {
    let folder = HostFolder::with_tally();
    let live = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&live);
    let observer = move |notice: &RegistryNotice| {
        if let RegistryNotice::Changed { version: Some(version), .. } = notice {
            observed.lock().unwrap().push(version.to_string());
        }
    };
    let builder = Host::builder().settings(folder.settings()).follow_plugins().observer(observer);
    let host = builder.start().await.unwrap();
    let before = host.execute(add("1", 1)).await.unwrap();

    let mut statuses = host.statuses();
    folder.put("tally.wasm", &guests::shifty("tally", "1.1.0", "good"));
    let is_live = statuses.wait_for(|files| {
        files.iter().any(|file| {
            file.version.as_ref().is_some_and(|version| version.minor == 1) && file.state == FileState::Active
        })
    });
    drop(timeout(Duration::from_secs(30), is_live).await.expect("it goes live in time").unwrap());
    let after = host.execute(add("2", 1)).await.unwrap();
    assert_ne!(before.component, after.component);
    assert_eq!(after.version, 2);
    assert_eq!(*live.lock().unwrap(), ["1.0.0", "1.1.0"]);
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_follow_keeps_its_version() {
    let folder = HostFolder::with_tally();
    let host = folder.start().await;
    let before = host.execute(add("1", 1)).await.unwrap();
    folder.put("tally.wasm", &guests::shifty("tally", "1.1.0", "good"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(host.execute(add("2", 1)).await.unwrap().component, before.component);
    host.shutdown().await;
}
