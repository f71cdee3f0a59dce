//! A static: it outlives the command, and not the sandbox.

use std::sync::atomic::{AtomicU64, Ordering};

use cantus_sdk::prelude::*;

use crate::{Diary, Noted};

static LAST_TICKET: AtomicU64 = AtomicU64::new(0);

/// Gives the next number.
#[command(Diary, version = 1, produces = [Noted])]
pub struct DrawTicket {}

#[command_handler(Diary, version = 1)]
impl DrawTicketHandler {
    type Error = Rejection;

    fn handle(&self, _: &Diary, _: DrawTicket) -> Result<Noted, Rejection> {
        Ok(Noted { note: format!("ticket {}", LAST_TICKET.fetch_add(1, Ordering::Relaxed) + 1) })
    }
}
