//! The watchdog: a thread that ends calls which the fuel limit did not end.

use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use wasmtime::Engine;

use crate::LoadError;

const TICK: Duration = Duration::from_millis(100);

/// Ticks an engine's epoch until it is dropped.
pub(crate) struct Watchdog(#[expect(dead_code, reason = "the thread watches for its end")] Arc<()>);

impl Watchdog {
    pub(crate) fn start(engine: &Engine) -> Result<Self, LoadError> {
        let alive = Arc::new(());
        let (weak, engine) = (Arc::downgrade(&alive), engine.weak());
        let tick = move || {
            while is_alive(&weak) {
                thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => break,
                }
            }
        };
        thread::Builder::new()
            .name("cantus-watchdog".into())
            .spawn(tick)
            .map_err(|error| LoadError::Host(format!("the watchdog thread did not start: {error}")))?;
        Ok(Self(alive))
    }

    /// Returns the number of epochs of a call: at least `timeout_ms`, at most two ticks more.
    pub(crate) fn epochs(timeout_ms: u64) -> u64 {
        timeout_ms.div_ceil(TICK.as_millis() as u64) + 1
    }
}

fn is_alive(alive: &Weak<()>) -> bool {
    alive.strong_count() > 0
}
