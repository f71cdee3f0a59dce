//! An account whose other timelines are worked out by hand. Amounts are whole cents.

use cantus_replay::replay::DecisionChange;
use serde_json::json;

use super::*;

fn ada(id: &str, name: &str, payload: &str) -> Command {
    command(id, "Account/ada", name, payload)
}

fn deposit(id: &str, amount: u64) -> Command {
    ada(id, "Deposit", &format!(r#"{{"amount":{amount},"reference":"cash"}}"#))
}

fn withdraw(id: &str, amount: u64) -> Command {
    ada(id, "Withdraw", &format!(r#"{{"amount":{amount}}}"#))
}

/// The recorded history. She may go 50 below zero, so that `available` is the balance and 50.
///
/// ```text
///  command             balance before  available    outcome                  version  balance after
///  open                             -          -    AccountOpened                  1              0
///  salary  + 100                    0               Deposited                      2            100
///  rent    - 120                  100        150    Withdrawn                      3            -20
///  coffee  -  40                  -20         30    insufficient-funds             3            -20
///  to-bob  -  30                  -20         30    TransferredOut                 4            -50
///  refund  +  60                  -50               Deposited                      5             10
///  close                           10               balance-not-zero (10)          5             10
/// ```
async fn world() -> World {
    let bob = |id: &str, name: &str, payload: &str| command(id, "Account/bob", name, payload);
    let commands = [
        ada("open", "OpenAccount", r#"{"owner":"Ada","overdraft":50}"#),
        bob("bob-opens", "OpenAccount", r#"{"owner":"Bob"}"#),
        deposit("salary", 100),
        withdraw("rent", 120),
        withdraw("coffee", 40),
        ada("to-bob", "TransferOut", r#"{"to":"bob","amount":30}"#),
        bob("from-ada", "TransferIn", r#"{"from":"ada","amount":30}"#),
        deposit("refund", 60),
        ada("close", "CloseAccount", "{}"),
    ];
    World::of(&guest(guests::BANK), commands).await
}

fn account(status: &str, balance: i64) -> Value {
    json!({ "status": status, "balance": balance, "overdraft": 50 })
}

/// ```text
///  command             balance before  available    outcome                  version  balance after
///  rent    - 120                    0         50    insufficient-funds             1              0
///  coffee  -  40                    0         50    Withdrawn                      2            -40
///  to-bob  -  30                  -40         10    insufficient-funds             2            -40
///  refund  +  60                  -40               Deposited                      3             20
///  close                           20               balance-not-zero (20)          3             20
/// ```
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_salary_the_rent_is_not_paid_and_the_coffee_is() {
    let world = world().await;
    let found = world.tell("Account/ada", 2, Do::Drop, &[]).await;
    let expected = [
        "- salary: 2 Deposited → nothing",
        "~ rent: 3 Withdrawn → insufficient-funds",
        "~ coffee: insufficient-funds → 2 Withdrawn",
        "~ to-bob: 4 TransferredOut → insufficient-funds",
        "= refund: 5 Deposited → 3 Deposited",
        "~ close: balance-not-zero → balance-not-zero",
    ];
    assert_eq!(lines(&found), expected);
    let details = |id| now(&found, id)["rejected"]["detail"].clone();
    assert_eq!(details("rent"), json!({ "amount": 120, "available": 50 }));
    assert_eq!(details("to-bob"), json!({ "amount": 30, "available": 10 }));
    assert_eq!(details("close"), json!({ "balance": 20 }));
    let changes = ["salary", "rent", "coffee", "to-bob", "refund", "close"].map(|id| step(&found, id).change);
    let (lost, won) = (Some(DecisionChange::AcceptedToRejected), Some(DecisionChange::RejectedToAccepted));
    assert_eq!(changes, [None, lost, won, lost, None, Some(DecisionChange::RejectionDiffers)]);
    // Before: salary, rent, to-bob, refund. Now: coffee, refund.
    assert_eq!(found.divergence.commands, tally(1, 4, 0, 1));
    assert_eq!(found.divergence.events, tally(1, 0, 1, 3));
    assert_eq!(ends(&found), [account("Open", 10), account("Open", 20)]);
    assert_eq!((found.before.version, found.now.version), (5, 3));
    // Before the salary there was only the opening, whatever happened to Bob meanwhile.
    let shared = &found.common_prefix;
    assert_eq!((shared.commands, shared.version, shared.last_command.as_deref()), (1, 1, Some("open")));
}

/// ```text
///  command             balance before  available    outcome                  version  balance after
///  salary  + 150                    0               Deposited                      2            150
///  rent    - 120                  150        200    Withdrawn                      3             30
///  coffee  -  40                   30         80    Withdrawn                      4            -10
///  to-bob  -  30                  -10         40    TransferredOut                 5            -40
///  refund  +  60                  -40               Deposited                      6             20
///  close                           20               balance-not-zero (20)          6             20
/// ```
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_better_salary_the_coffee_is_paid_as_well() {
    let world = world().await;
    let found = world.tell("Account/ada", "salary", Do::Drop, &[deposit("salary", 150)]).await;
    let expected = [
        "~ salary: 2 Deposited → 2 Deposited",
        "= rent: 3 Withdrawn → 3 Withdrawn",
        "~ coffee: insufficient-funds → 4 Withdrawn",
        "= to-bob: 4 TransferredOut → 5 TransferredOut",
        "= refund: 5 Deposited → 6 Deposited",
        "~ close: balance-not-zero → balance-not-zero",
    ];
    assert_eq!(lines(&found), expected);
    assert_eq!(found.divergence.commands, tally(3, 3, 0, 0));
    assert_eq!(found.divergence.events, tally(3, 1, 1, 0));
    assert_eq!(step(&found, "salary").change, Some(DecisionChange::EventsDiffer));
    assert_eq!(ends(&found), [account("Open", 10), account("Open", 20)]);
}

/// 10 - 10 = 0, and at 0 an account closes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_more_withdrawal_the_account_closes() {
    let world = world().await;
    let found = world.tell("Account/ada", 5, Do::Insert, &[withdraw("last", 10)]).await;
    assert_eq!(lines(&found), ["+ last: nothing → 6 Withdrawn", "~ close: balance-not-zero → 7 AccountClosed"]);
    assert_eq!(found.divergence.commands, tally(0, 1, 1, 0));
    assert_eq!(found.divergence.events, tally(0, 0, 2, 0));
    assert_eq!(ends(&found), [account("Open", 10), account("Closed", 0)]);
}

/// 60 + 40 = 100: from the rent on nothing differs but the versions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_salary_in_two_parts_changes_nothing_else() {
    let world = world().await;
    let parts = [deposit("part-1", 60), deposit("part-2", 40)];
    let found = world.tell("Account/ada", 2, Do::Drop, &parts).await;
    assert_eq!(
        lines(&found)[..4],
        [
            "- salary: 2 Deposited → nothing",
            "+ part-1: nothing → 2 Deposited",
            "+ part-2: nothing → 3 Deposited",
            "= rent: 3 Withdrawn → 4 Withdrawn",
        ]
    );
    assert_eq!(found.divergence.commands, tally(5, 0, 2, 1));
    assert_eq!(found.divergence.events, tally(3, 0, 2, 1));
    assert_eq!(ends(&found), [account("Open", 10), account("Open", 10)]);
    assert_eq!((found.before.version, found.now.version), (5, 6));
}

/// Before the account is open nothing can be paid in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_before_the_beginning_is_rejected() {
    let world = world().await;
    let found = world.tell("Account/ada", 0, Do::Insert, &[deposit("early", 1_000)]).await;
    assert_eq!(
        lines(&found)[..2],
        ["+ early: nothing → account-not-open", "= open: 1 AccountOpened → 1 AccountOpened"]
    );
    assert_eq!(found.divergence.commands, tally(7, 0, 1, 0));
    assert_eq!(found.divergence.events, tally(5, 0, 0, 0));
    assert_eq!(found.before, found.now);
}

/// A replacement may ask for something else without any consequence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_command_with_the_same_outcome_is_a_change() {
    let world = world().await;
    let found = world.tell("Account/ada", "close", Do::Drop, &[ada("close", "CloseAccount", " {}")]).await;
    let step = step(&found, "close");
    assert_eq!((step.mark, step.change), (StepMark::Changed, None));
    assert_eq!(found.before, found.now);
}
