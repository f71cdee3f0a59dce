//! Commands for the bank, which depend only on a seed, and the balance after them.

use cantus_model::Digest;
use cantus_tests::audit::Happened;

/// The number of accounts; the first one gets every other command.
pub(crate) const ACCOUNTS: u64 = 8;

/// Returns the nth pseudo-random number of a seed.
pub(crate) fn draw(seed: u64, n: u64) -> u64 {
    Digest::of_parts([seed.to_le_bytes().as_slice(), &n.to_le_bytes()]).seed()
}

/// Returns `count` lines for `cantus run`: accounts are opened, then money moves, sometimes more than there is. One line in ten
/// repeats an earlier one.
pub(crate) fn commands(seed: u64, count: u64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for n in 0..count {
        let (kind, amount) = (draw(seed, n) % 10, draw(seed, n) / 10 % 90 + 1);
        let (from, to) = (account(seed, n), account(seed, n + count));
        let line = match (n, kind) {
            (0..ACCOUNTS, _) => command(n, n, "OpenAccount", &format!(r#"{{"owner":"o{n}","overdraft":20}}"#)),
            (_, 0) => lines[(draw(seed, n) / 1_000 % n) as usize].clone(),
            (_, 1..6) => command(n, to, "Deposit", &format!(r#"{{"amount":{amount},"reference":"r{n}"}}"#)),
            (_, 6 | 7) => command(n, from, "Withdraw", &format!(r#"{{"amount":{}}}"#, amount * 3)),
            (_, 8) => command(n, from, "TransferOut", &format!(r#"{{"to":"account-{to}","amount":{}}}"#, amount * 2)),
            (_, _) => command(n, to, "TransferIn", &format!(r#"{{"from":"account-{from}","amount":{amount}}}"#)),
        };
        lines.push(line);
    }
    lines
}

fn account(seed: u64, n: u64) -> u64 {
    match draw(!seed, n) {
        even if even.is_multiple_of(2) => 0,
        odd => odd / 2 % ACCOUNTS,
    }
}

/// Returns one line of input.
pub(crate) fn command(id: u64, account: u64, name: &str, payload: &str) -> String {
    format!(
        "{{\"id\":\"c-{id}\",\"aggregate\":\"Account\",\"aggregate_id\":\"account-{account}\",\"command\":\"{name}\",\
         \"payload\":{payload}}}\n"
    )
}

/// Adds up the events of an account.
pub(crate) fn balance(events: &[Happened]) -> i64 {
    let signed = |event: &Happened| {
        let amount = event.payload["amount"].as_i64().unwrap_or_default();
        match event.name.as_str() {
            "AccountOpened" => 0,
            "Deposited" | "TransferredIn" => amount,
            "Withdrawn" | "TransferredOut" => -amount,
            other => panic!("no account has {other}"),
        }
    };
    events.iter().map(signed).sum()
}
