//! Two hosts with the same store.

use std::time::Duration;

use cantus_engine::StopReason;
use cantus_model::{CommandError, ports::StoreError};
use tokio::time::timeout;

use crate::fixture::{HostFolder, increment};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_takes_over_and_the_first_one_stops() {
    let folder = HostFolder::with_counter();
    let first = folder.start().await;
    first.execute(increment("1")).await.unwrap();
    let stopped = first.stopped();

    let second = folder.start().await;
    assert_eq!(second.execute(increment("2")).await.unwrap().version, 2);
    let refused = first.execute(increment("3")).await.unwrap_err();
    assert!(matches!(refused, CommandError::Store(StoreError::Fenced)), "{refused}");
    let reason = timeout(Duration::from_secs(10), stopped).await.expect("the first host stops");
    assert!(matches!(reason, StopReason::Store(StoreError::Fenced)), "{reason}");
    first.shutdown().await;

    assert_eq!(second.execute(increment("3")).await.unwrap().version, 3);
    second.shutdown().await;
}
