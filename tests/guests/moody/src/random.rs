//! Random numbers, instead of those of `ctx.random()`.

use std::hash::{BuildHasher, RandomState};

use cantus_sdk::prelude::*;

use crate::{Diary, Noted};

/// Rolls a die of the operating system's.
#[command(Diary, version = 1, produces = [Noted])]
pub struct RollDie {}

#[command_handler(Diary, version = 1)]
impl RollDieHandler {
    type Error = Rejection;

    fn handle(&self, _: &Diary, _: RollDie) -> Result<Noted, Rejection> {
        let roll = getrandom::u64().map_err(|error| Rejection::new("no-die", error.to_string()))?;
        Ok(Noted { note: format!("rolled {roll}") })
    }
}

/// Tosses a coin with all that the standard library has for it: the seed of a hash map.
#[command(Diary, version = 1, produces = [Noted])]
pub struct TossCoin {}

#[command_handler(Diary, version = 1)]
impl TossCoinHandler {
    type Error = Rejection;

    fn handle(&self, _: &Diary, _: TossCoin) -> Result<Noted, Rejection> {
        Ok(Noted { note: format!("tossed {}", RandomState::new().hash_one("coin")) })
    }
}
