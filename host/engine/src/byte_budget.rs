//! A common bound on the bytes that many parts of an engine hold.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Counts bytes in memory against a limit.
pub(crate) struct ByteBudget {
    limit: usize,
    used: AtomicUsize,
}

impl ByteBudget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// Reserves `bytes` if at most `share` bytes are in use then. If nothing is in use, a reservation of any size
    /// succeeds.
    pub(crate) fn try_reserve(self: &Arc<Self>, bytes: usize, share: usize) -> Option<ByteReservation> {
        let take = |used: usize| (used == 0 || used.saturating_add(bytes) <= share).then(|| used.saturating_add(bytes));
        self.used.fetch_update(Relaxed, Relaxed, take).ok()?;
        Some(ByteReservation { budget: Arc::clone(self), base: bytes, extra: 0 })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Reports whether the limit is reached.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.used.load(Relaxed) >= self.limit
    }
}

/// Bytes of a budget that are in use until this is dropped.
pub(crate) struct ByteReservation {
    budget: Arc<ByteBudget>,
    base: usize,
    extra: usize,
}

impl ByteReservation {
    /// Reserves `extra` bytes beside the first ones, in place of the extra bytes before, beyond the limit if
    /// necessary.
    pub(crate) fn set_extra(&mut self, extra: usize) {
        let before = std::mem::replace(&mut self.extra, extra);
        self.budget.used.fetch_add(extra, Relaxed);
        self.budget.used.fetch_sub(before, Relaxed);
    }
}

impl Drop for ByteReservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.base + self.extra, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn released_bytes_can_be_reserved_again() {
        let budget = ByteBudget::new(10);
        let mut first = budget.try_reserve(4, 5).unwrap();
        assert!(budget.try_reserve(2, 5).is_none());
        first.set_extra(6);
        assert!(budget.is_exhausted());
        first.set_extra(1);
        assert!(!budget.is_exhausted());
        drop(first);
        assert_eq!(budget.used.load(Relaxed), 0);
        assert!(budget.try_reserve(5, 5).is_some());
    }

    #[test]
    fn a_reservation_larger_than_the_budget_succeeds_when_nothing_is_in_use() {
        let budget = ByteBudget::new(10);
        let large = budget.try_reserve(100, 5).unwrap();
        assert!(budget.try_reserve(1, 5).is_none());
        drop(large);
        assert!(budget.try_reserve(1, 5).is_some());
    }
}
