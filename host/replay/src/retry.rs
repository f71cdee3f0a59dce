//! Repeats a request to the store that may succeed later.

use std::time::Duration;

use cantus_model::ports::StoreError;

const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// Makes at most `attempts` attempts while `should_continue` holds, with a pause between them that doubles up to a
/// second. Only a transient error leads to another attempt.
pub async fn retry<T, F: Future<Output = Result<T, StoreError>>>(
    attempts: u32,
    should_continue: impl Fn() -> bool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, StoreError> {
    let mut backoff = FIRST_BACKOFF;
    for _ in 1..attempts {
        match attempt().await {
            Err(StoreError::Transient(reason)) if should_continue() => {
                let wait_ms = backoff.as_millis() as u64;
                tracing::warn!(reason, wait_ms, "the store did not answer, trying again");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
            }
            result => return result,
        }
    }
    attempt().await
}
