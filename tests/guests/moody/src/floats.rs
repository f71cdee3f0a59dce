//! A value that is not a number has a sign and other bits, and processors differ in them.

use cantus_sdk::prelude::*;

use crate::{Diary, Noted};

/// Divides.
#[command(Diary, version = 1, produces = [Noted])]
pub struct Divide {
    dividend: f64,
    divisor: f64,
}

#[command_handler(Diary, version = 1)]
impl DivideHandler {
    type Error = Rejection;

    fn handle(&self, _: &Diary, command: Divide) -> Result<Noted, Rejection> {
        Ok(Noted { note: format!("{:016x}", (command.dividend / command.divisor).to_bits()) })
    }
}
