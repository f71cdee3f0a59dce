//! The clocks of the standard library, instead of `ctx.now`.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cantus_sdk::prelude::*;

use crate::{Diary, Noted};

/// Notes the time, and how long that took.
#[command(Diary, version = 1, produces = [Noted])]
pub struct LookAtClock {}

#[command_handler(Diary, version = 1)]
impl LookAtClockHandler {
    type Error = Rejection;

    fn handle(&self, _: &Diary, _: LookAtClock) -> Result<Noted, Rejection> {
        let started = Instant::now();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Noted { note: format!("{} us, {} ns", since_epoch.as_micros(), started.elapsed().as_nanos()) })
    }
}
