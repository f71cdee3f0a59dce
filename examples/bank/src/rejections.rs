//! Why the bank says no.

use cantus_sdk::prelude::*;

#[rejection]
pub enum BankError {
    #[message("the account was not opened yet")]
    AccountNotOpen,
    #[message("the account is open already")]
    AccountAlreadyOpen,
    #[message("the account is closed")]
    AccountClosed,
    #[message("an amount is at least one cent")]
    NothingToMove,
    #[message("no account holds that much")]
    AmountTooLarge,
    #[message("{amount} is more than the {available} that are available")]
    InsufficientFunds { amount: u64, available: u64 },
    #[message("the balance is {balance}; an account is closed at zero")]
    BalanceNotZero { balance: i64 },
    #[message("a transfer goes to another account")]
    SameAccount,
}
