//! Counts the faults and decisions of a live component.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::{Fault, FaultKind};

/// Counts the faults and decisions of a component while it is live.
#[derive(Default)]
pub struct ComponentHealth {
    faults: AtomicU64,
    decided: AtomicU64,
    last_fault: Mutex<Option<String>>,
}

/// The counts of a [`ComponentHealth`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthCounts {
    /// Count of faults.
    pub faults: u64,
    /// Count of decisions when they were taken: some may not have become durable and were taken again.
    pub decided: u64,
}

impl HealthCounts {
    /// Count of faults and decisions.
    pub fn attempts(self) -> u64 {
        self.faults + self.decided
    }
}

impl ComponentHealth {
    /// Counts a fault of the guest. A failure of the host is not counted: it says nothing about the guest.
    pub fn record_fault(&self, fault: &Fault) {
        if fault.kind == FaultKind::Host {
            return;
        }
        *self.last_fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault.to_string());
        self.faults.fetch_add(1, Relaxed);
    }

    /// Counts a decision.
    pub fn record_decision(&self) {
        self.decided.fetch_add(1, Relaxed);
    }

    /// The counts so far.
    pub fn counts(&self) -> HealthCounts {
        HealthCounts { faults: self.faults.load(Relaxed), decided: self.decided.load(Relaxed) }
    }

    /// The message of the last fault.
    pub fn last_fault(&self) -> Option<String> {
        self.last_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
