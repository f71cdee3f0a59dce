//! The order of answers: those of one aggregate are written in the order of their lines, which is that of its versions. Answers
//! of different aggregates do not wait for each other.

use std::collections::{HashMap, VecDeque};

use cantus_model::AggregateRef;

/// The commands of each aggregate that are not written yet, with the answers that wait for an earlier one.
pub(super) struct AnswerOrder<T> {
    aggregates: HashMap<AggregateRef, VecDeque<ExpectedAnswer<T>>>,
    waiting: usize,
}

struct ExpectedAnswer<T> {
    line: u64,
    answer: Option<T>,
}

impl<T> Default for AnswerOrder<T> {
    fn default() -> Self {
        Self { aggregates: HashMap::new(), waiting: 0 }
    }
}

impl<T> AnswerOrder<T> {
    /// Adds a submitted command. Its line must be greater than those before.
    pub(super) fn submitted(&mut self, aggregate: &AggregateRef, line: u64) {
        self.aggregates.entry(aggregate.clone()).or_default().push_back(ExpectedAnswer { line, answer: None });
    }

    /// Adds an answer. Returns the answers that can be written now, in their order.
    pub(super) fn answered(&mut self, aggregate: &AggregateRef, line: u64, answer: T) -> Vec<T> {
        let Some(expected) = self.aggregates.get_mut(aggregate) else { return vec![answer] };
        let Ok(index) = expected.binary_search_by_key(&line, |expected| expected.line) else { return vec![answer] };
        expected[index].answer = Some(answer);
        self.waiting += 1;
        let mut ready = Vec::new();
        while let Some(answer) = expected.front_mut().and_then(|first| first.answer.take()) {
            expected.pop_front();
            ready.push(answer);
        }
        if expected.is_empty() {
            self.aggregates.remove(aggregate);
        }
        self.waiting -= ready.len();
        ready
    }

    /// The count of answers that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_one_aggregate_are_in_the_order_of_their_lines() {
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
