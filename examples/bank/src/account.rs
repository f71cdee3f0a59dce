//! The account: opened, paid into, drawn from, closed.

use cantus_sdk::prelude::*;

use crate::rejections::BankError;

/// The part of an account that decisions need. Its owner's name, for example, is only in the log.
#[aggregate(snapshot_every = 1000)]
pub struct Account {
    pub status: Status,
    pub balance: i64,
    pub overdraft: u64,
}

#[value]
pub enum Status {
    #[default]
    NotOpened,
    Open,
    Closed,
}

impl Account {
    /// Rejects an account that is not open, and an amount of zero.
    pub(crate) fn check(&self, amount: u64) -> Result<(), BankError> {
        match self.status {
            Status::NotOpened => Err(BankError::AccountNotOpen),
            Status::Closed => Err(BankError::AccountClosed),
            Status::Open if amount == 0 => Err(BankError::NothingToMove),
            Status::Open => Ok(()),
        }
    }

    /// Rejects an `amount` that cannot be paid in.
    pub(crate) fn check_credit(&self, amount: u64) -> Result<(), BankError> {
        self.check(amount)?;
        self.balance.checked_add_unsigned(amount).map(drop).ok_or(BankError::AmountTooLarge)
    }

    /// Rejects an `amount` that cannot be drawn.
    pub(crate) fn check_debit(&self, amount: u64) -> Result<(), BankError> {
        self.check(amount)?;
        let available = self.balance.saturating_add_unsigned(self.overdraft).max(0).unsigned_abs();
        if amount > available { Err(BankError::InsufficientFunds { amount, available }) } else { Ok(()) }
    }

    pub(crate) fn credit(&mut self, amount: u64) {
        self.balance = self.balance.saturating_add_unsigned(amount);
    }

    pub(crate) fn debit(&mut self, amount: u64) {
        self.balance = self.balance.saturating_sub_unsigned(amount);
    }
}

#[command(Account, version = 1, produces = [AccountOpened])]
pub struct OpenAccount {
    pub owner: String,
    /// The largest amount below zero that the balance may have; none if absent.
    #[serde(default)]
    pub overdraft: u64,
}

#[command_handler(Account, version = 1)]
impl OpenAccountHandler {
    type Error = BankError;

    fn handle(&self, state: &Account, cmd: OpenAccount) -> Result<AccountOpened, BankError> {
        match state.status {
            Status::NotOpened if i64::try_from(cmd.overdraft).is_err() => Err(BankError::AmountTooLarge),
            Status::NotOpened => Ok(AccountOpened { owner: cmd.owner, overdraft: cmd.overdraft }),
            Status::Open => Err(BankError::AccountAlreadyOpen),
            Status::Closed => Err(BankError::AccountClosed),
        }
    }
}

#[event(Account, version = 2)]
pub struct AccountOpened {
    pub owner: String,
    pub overdraft: u64,
}

#[event_combiner(Account, version = 2)]
impl AccountOpened {
    fn combine(&self, state: &mut Account) {
        state.status = Status::Open;
        state.overdraft = self.overdraft;
    }
}

/// The event of an opened account before there were overdrafts. Such events stay in the log as they are.
#[event(Account, version = 1, name = "AccountOpened")]
pub struct AccountOpenedV1 {
    pub owner: String,
}

#[event_upcaster(Account, from = 1, to = 2)]
impl AccountOpenedV1 {
    fn upcast(self) -> AccountOpened {
        AccountOpened { owner: self.owner, overdraft: 0 }
    }
}

#[command(Account, version = 1, produces = [Deposited])]
pub struct Deposit {
    pub amount: u64,
    pub reference: String,
}

#[command_handler(Account, version = 1)]
impl DepositHandler {
    type Error = BankError;

    fn handle(&self, state: &Account, cmd: Deposit, ctx: &Context) -> Result<Deposited, BankError> {
        state.check_credit(cmd.amount)?;
        Ok(Deposited { amount: cmd.amount, reference: cmd.reference, at: ctx.now })
    }
}

#[event(Account, version = 1)]
pub struct Deposited {
    pub amount: u64,
    pub reference: String,
    pub at: Timestamp,
}

#[event_combiner(Account, version = 1)]
impl Deposited {
    fn combine(&self, state: &mut Account) {
        state.credit(self.amount);
    }
}

#[command(Account, version = 1, produces = [Withdrawn])]
pub struct Withdraw {
    pub amount: u64,
}

#[command_handler(Account, version = 1)]
impl WithdrawHandler {
    type Error = BankError;

    fn handle(&self, state: &Account, cmd: Withdraw, ctx: &Context) -> Result<Withdrawn, BankError> {
        state.check_debit(cmd.amount)?;
        Ok(Withdrawn { amount: cmd.amount, at: ctx.now })
    }
}

#[event(Account, version = 1)]
pub struct Withdrawn {
    pub amount: u64,
    pub at: Timestamp,
}

#[event_combiner(Account, version = 1)]
impl Withdrawn {
    fn combine(&self, state: &mut Account) {
        state.debit(self.amount);
    }
}

#[command(Account, version = 1, produces = [AccountClosed])]
pub struct CloseAccount;

#[command_handler(Account, version = 1)]
impl CloseAccountHandler {
    type Error = BankError;

    fn handle(&self, state: &Account, _: CloseAccount) -> Result<AccountClosed, BankError> {
        match (&state.status, state.balance) {
            (Status::NotOpened, _) => Err(BankError::AccountNotOpen),
            (Status::Closed, _) => Err(BankError::AccountClosed),
            (Status::Open, 0) => Ok(AccountClosed),
            (Status::Open, balance) => Err(BankError::BalanceNotZero { balance }),
        }
    }
}

#[event(Account, version = 1)]
pub struct AccountClosed;

#[event_combiner(Account, version = 1)]
impl AccountClosed {
    fn combine(&self, state: &mut Account) {
        state.status = Status::Closed;
    }
}
