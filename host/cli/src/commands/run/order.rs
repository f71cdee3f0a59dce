//! The order in which answers leave: those of one aggregate in the order of their lines, which is that of its versions.
//! Answers of different aggregates do not wait for each other.

use std::collections::{HashMap, VecDeque};

use cantus_model::AggregateRef;

/// Commands under way by aggregate, and answers that wait for one before them.
pub(super) struct AnswerOrder<T> {
    aggregates: HashMap<AggregateRef, VecDeque<Slot<T>>>,
    waiting: usize,
}

struct Slot<T> {
    line: u64,
    answer: Option<T>,
}

impl<T> Default for AnswerOrder<T> {
    fn default() -> Self {
        Self { aggregates: HashMap::new(), waiting: 0 }
    }
}

impl<T> AnswerOrder<T> {
    /// A command was submitted. Lines only grow.
    pub(super) fn submitted(&mut self, aggregate: &AggregateRef, line: u64) {
        self.aggregates.entry(aggregate.clone()).or_default().push_back(Slot { line, answer: None });
    }

    /// An answer came. Gives those that may leave now, in their order.
    pub(super) fn answered(&mut self, aggregate: &AggregateRef, line: u64, answer: T) -> Vec<T> {
        let Some(slots) = self.aggregates.get_mut(aggregate) else { return vec![answer] };
        let Ok(place) = slots.binary_search_by_key(&line, |slot| slot.line) else { return vec![answer] };
        slots[place].answer = Some(answer);
        self.waiting += 1;
        let mut leaving = Vec::new();
        while let Some(answer) = slots.front_mut().and_then(|first| first.answer.take()) {
            slots.pop_front();
            leaving.push(answer);
        }
        if slots.is_empty() {
            self.aggregates.remove(aggregate);
        }
        self.waiting -= leaving.len();
        leaving
    }

    /// Answers that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_one_aggregate_leave_in_the_order_of_their_lines() {
        let [a, b] = ["a", "b"].map(|id| AggregateRef::new("A", id));
        let mut order = AnswerOrder::default();
        for (aggregate, line) in [(&a, 1), (&b, 2), (&a, 3), (&a, 5)] {
            order.submitted(aggregate, line);
        }
        assert_eq!(order.answered(&a, 5, 5), [0; 0]);
        assert_eq!(order.answered(&a, 3, 3), [0; 0]);
        assert_eq!(order.waiting(), 2);
        assert_eq!(order.answered(&b, 2, 2), [2]);
        assert_eq!(order.answered(&a, 1, 1), [1, 3, 5]);
        assert_eq!((order.waiting(), order.aggregates.len()), (0, 0));
    }
}
