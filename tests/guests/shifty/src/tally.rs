//! The aggregate: it adds up, to a limit, and can begin again.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::{Value, json};

use crate::{Failure, Mode, cantus::domain::types::Rejection};

pub(crate) struct Tally {
    mode: Mode,
    /// Of its stream, so far.
    events: Cell<u64>,
    total: Cell<u64>,
    /// The same, but not in snapshots.
    hidden_total: Cell<u64>,
}

impl Tally {
    pub(crate) fn restore(mode: Mode, snapshot: Option<&[u8]>) -> Result<Self, String> {
        let state = snapshot.map_or(Ok(Value::Null), parse)?;
        let number = |name: &str| match snapshot {
            None => Ok(0),
            Some(_) => state[name].as_u64().ok_or(format!("the snapshot has no {name}")),
        };
        let mut total = number(total_name(mode))?;
        match (mode, snapshot) {
            (Mode::RestoreZero, Some(_)) => total = 0,
            (Mode::RestoreTraps, Some(_)) => panic!("I do not come back"),
            _ => {}
        }
        Ok(Self { mode, events: number("events")?.into(), total: total.into(), hidden_total: Cell::new(0) })
    }

    pub(crate) fn snapshot(&self) -> Vec<u8> {
        json!({ "events": self.events.get(), total_name(self.mode): self.total.get() }).to_string().into()
    }

    pub(crate) fn fold(&self, event: &str, payload: &[u8]) -> Result<(), String> {
        for total in [&self.total, &self.hidden_total] {
            total.set(match event {
                "Resetted" => 0,
                added if added == self.mode.added() => total.get().saturating_add(amount(payload)?),
                unknown => return Err(format!("there is no event {unknown}")),
            });
        }
        self.events.set(self.events.get() + 1);
        assert!(self.mode != Mode::TrapLate || self.events.get() < 10, "who could know that there are so many?");
        Ok(())
    }

    /// The payload of the event.
    pub(crate) fn add(&self, amount: u64) -> Result<Vec<u8>, Failure> {
        let total = if self.mode == Mode::HiddenTotal { &self.hidden_total } else { &self.total };
        if total.get().saturating_add(amount) > self.mode.limit() {
            return Err(Failure::Rejected(self.full()));
        }
        let added = match self.mode {
            Mode::Double => json!({ "amount": amount * 2 }),
            Mode::HashOrder => json!({ "amount": amount, "keys": keys() }),
            Mode::StaticCounter => json!({ "amount": amount, "calls": calls() }),
            _ => json!({ "amount": amount }),
        };
        Ok(added.to_string().into())
    }

    fn full(&self) -> Rejection {
        let message = match self.mode {
            Mode::Reworded => "no more fits in",
            _ => "the tally is full",
        };
        Rejection { code: "full".into(), message: message.into(), detail: None }
    }
}

pub(crate) fn amount(payload: &[u8]) -> Result<u64, String> {
    parse(payload)?["amount"].as_u64().ok_or("it has no amount".into())
}

fn parse(json: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

fn total_name(mode: Mode) -> &'static str {
    if mode == Mode::OtherState { "sum" } else { "total" }
}

/// In the order of a hash map, whose seed is another for every map.
fn keys() -> Vec<String> {
    (0..16).map(|key| (format!("key-{key}"), ())).collect::<HashMap<_, _>>().into_keys().collect()
}

/// Counts the calls in this sandbox.
fn calls() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed) + 1
}
