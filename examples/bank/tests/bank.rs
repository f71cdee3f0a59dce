//! The bank's rules, natively.

use bank::{
    account::{
        Account, AccountClosed, AccountOpened, AccountOpenedV1, CloseAccount, Deposit, Deposited, OpenAccount, Status,
        Withdraw, Withdrawn,
    },
    rejections::BankError,
    transfer::{TransferIn, TransferOut, TransferredIn, TransferredOut},
};
use cantus_sdk::testing::{Given, given, time};

/// An open account of Ada's that holds 100 and may go 50 below zero.
fn ada() -> Given<Account> {
    given::<Account>("ada").at(time("2026-11-22T09:00:00Z")).events((
        AccountOpened { owner: "Ada".into(), overdraft: 50 },
        Deposited { amount: 100, reference: "cash".into(), at: time("2026-11-21T09:00:00Z") },
    ))
}

#[test]
fn a_deposit_is_recorded_with_its_time() {
    let account = given::<Account>("ada")
        .at(time("2026-11-22T09:00:00Z"))
        .when(OpenAccount { owner: "Ada".into(), overdraft: 0 })
        .then(AccountOpened { owner: "Ada".into(), overdraft: 0 })
        .when(Deposit { amount: 100, reference: "salary".into() })
        .then(Deposited { amount: 100, reference: "salary".into(), at: time("2026-11-22T09:00:00Z") });
    assert_eq!(account.state().balance, 100);
}

#[test]
fn a_withdrawal_may_use_the_overdraft_and_no_more() {
    let account = ada()
        .when(Withdraw { amount: 151 })
        .then_error(BankError::InsufficientFunds { amount: 151, available: 150 })
        .when(Withdraw { amount: 150 })
        .then(Withdrawn { amount: 150, at: time("2026-11-22T09:00:00Z") })
        .when(Withdraw { amount: 1 })
        .then_rejected("insufficient-funds");
    assert_eq!(account.state().balance, -50);
}

#[test]
fn a_transfer_goes_out_of_one_account_and_into_another() {
    let at = time("2026-11-22T09:00:00Z");
    ada()
        .when(TransferOut { to: "bob".into(), amount: 120 })
        .then(TransferredOut { to: "bob".into(), amount: 120, at })
        .when(TransferOut { to: "bob".into(), amount: 120 })
        .then_rejected("insufficient-funds")
        .when(TransferOut { to: "ada".into(), amount: 1 })
        .then_rejected("same-account");
    let bob = given::<Account>("bob")
        .at(at)
        .events(AccountOpened { owner: "Bob".into(), overdraft: 0 })
        .when(TransferIn { from: "ada".into(), amount: 120 })
        .then(TransferredIn { from: "ada".into(), amount: 120, at });
    assert_eq!(bob.state().balance, 120);
}

#[test]
fn an_account_closes_at_zero_and_stays_closed() {
    ada()
        .when(CloseAccount)
        .then_error(BankError::BalanceNotZero { balance: 100 })
        .events(Withdrawn { amount: 100, at: time("2026-11-22T08:00:00Z") })
        .when(CloseAccount)
        .then(AccountClosed)
        .when(Deposit { amount: 1, reference: String::new() })
        .then_rejected("account-closed")
        .when(TransferIn { from: "bob".into(), amount: 1 })
        .then_rejected("account-closed")
        .when(OpenAccount { owner: "Ada".into(), overdraft: 0 })
        .then_rejected("account-closed");
}

#[test]
fn nothing_moves_before_the_account_is_open_and_no_empty_amounts_after() {
    given::<Account>("ada").when(Deposit { amount: 1, reference: String::new() }).then_rejected("account-not-open");
    ada().when(Withdraw { amount: 0 }).then_rejected("nothing-to-move");
    ada().when(OpenAccount { owner: "Eve".into(), overdraft: 0 }).then_rejected("account-already-open");
    ada().when(Deposit { amount: u64::MAX, reference: String::new() }).then_rejected("amount-too-large");
}

#[test]
fn an_account_that_was_opened_before_there_were_overdrafts_has_none() {
    let account = given::<Account>("old").events(AccountOpenedV1 { owner: "Ada".into() });
    assert_eq!(*account.state(), Account { status: Status::Open, balance: 0, overdraft: 0 });
    account.when(Withdraw { amount: 1 }).then_rejected("insufficient-funds");
}
