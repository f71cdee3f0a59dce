//! Transfers. Two accounts never decide together: the sender lets the money go, then the receiver takes it in.
//!
//! If the receiver refuses, because it was closed meanwhile, whoever carries the transfer gives the money back to the
//! sender with a [`TransferIn`] of its own.

use cantus_sdk::prelude::*;

use crate::{account::Account, rejections::BankError};

/// Takes money out of this account, on its way to another one.
#[command(Account, version = 1, produces = [TransferredOut])]
pub struct TransferOut {
    /// The receiving account's id.
    pub to: String,
    pub amount: u64,
}

#[command_handler(Account, version = 1)]
impl TransferOutHandler {
    type Error = BankError;

    fn handle(&self, state: &Account, cmd: TransferOut, ctx: &Context) -> Result<TransferredOut, BankError> {
        if cmd.to == ctx.aggregate_id {
            return Err(BankError::SameAccount);
        }
        state.check_debit(cmd.amount)?;
        Ok(TransferredOut { to: cmd.to, amount: cmd.amount, at: ctx.now })
    }
}

#[event(Account, version = 1)]
pub struct TransferredOut {
    pub to: String,
    pub amount: u64,
    pub at: Timestamp,
}

#[event_combiner(Account, version = 1)]
impl TransferredOut {
    fn combine(&self, state: &mut Account) {
        state.debit(self.amount);
    }
}

/// Takes in the money of a transfer.
#[command(Account, version = 1, produces = [TransferredIn])]
pub struct TransferIn {
    /// The sending account's id.
    pub from: String,
    pub amount: u64,
}

#[command_handler(Account, version = 1)]
impl TransferInHandler {
    type Error = BankError;

    fn handle(&self, state: &Account, cmd: TransferIn, ctx: &Context) -> Result<TransferredIn, BankError> {
        state.check_credit(cmd.amount)?;
        Ok(TransferredIn { from: cmd.from, amount: cmd.amount, at: ctx.now })
    }
}

#[event(Account, version = 1)]
pub struct TransferredIn {
    pub from: String,
    pub amount: u64,
    pub at: Timestamp,
}

#[event_combiner(Account, version = 1)]
impl TransferredIn {
    fn combine(&self, state: &mut Account) {
        state.credit(self.amount);
    }
}
