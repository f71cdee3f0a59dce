//! A measured figure, the value that it is compared with, and its goal.

use serde::{Serialize, Serializer};

use crate::render;

/// The figures by name, in the order of the report.
pub(super) const NAMES: [&str; 23] = [
    "durable_many",
    "durable_64",
    "durable_64_p99",
    "durable_hot",
    "durable_sustained",
    "known_ids",
    "bytes_per_command",
    "single_p50",
    "combine",
    "hydrate_snapshot",
    "hydrate_full",
    "hydrate_100k",
    "hydrate_10k",
    "memory_10k",
    "swap_lost",
    "swap_p99",
    "swap_throughput",
    "swap_warm_ms",
    "swap_cold_ms",
    "replay_rate",
    "replay_tape_rate",
    "tape_bytes_per_command",
    "replay_memory",
];

/// The bound on the ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_reached(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {least}"),
            Self::AtMost(most) => format!("<= {most}"),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) against: &'static str,
    pub(super) against_value: f64,
    pub(super) ratio: f64,
    /// `None` for a figure that is only shown for comparison.
    #[serde(serialize_with = "goal_text")]
    pub(super) goal: Option<Goal>,
    pub(super) ok: bool,
}

impl Figure {
    pub(super) fn new(
        name: &'static str,
        (value, unit): (f64, &'static str),
        (against, against_value): (&'static str, f64),
        goal: Option<Goal>,
    ) -> Self {
        let ratio = value / against_value;
        // A ratio that is not a number reaches no goal.
        let ok = goal.is_none_or(|goal| goal.is_reached(ratio));
        Self { name, value, unit, against, against_value, ratio, goal, ok }
    }

    pub(super) fn cells(&self) -> Vec<String> {
        vec![
            self.name.to_owned(),
            number(self.value),
            self.unit.to_owned(),
            self.against.to_owned(),
            number(self.against_value),
            format!("{:.2}", self.ratio),
            self.goal.map_or_else(String::new, Goal::text),
            match (self.goal, self.ok) {
                (None, _) => String::new(),
                (_, true) => "ok".to_owned(),
                (_, false) => "MISSED".to_owned(),
            },
        ]
    }
}

fn number(number: f64) -> String {
    if number >= 100.0 { render::count(number.round() as u64) } else { format!("{number:.2}") }
}

fn goal_text<S: Serializer>(goal: &Option<Goal>, serializer: S) -> Result<S::Ok, S::Error> {
    goal.map(Goal::text).serialize(serializer)
}

/// Returns the median.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_compared_with_the_ratio() {
        let figure = |value, goal| Figure::new("combine", (value, "x"), ("y", 10.0), Some(goal));
        assert!(figure(5.0, Goal::AtLeast(0.5)).ok && !figure(4.9, Goal::AtLeast(0.5)).ok);
        assert!(figure(50.0, Goal::AtMost(5.0)).ok && !figure(50.1, Goal::AtMost(5.0)).ok);
        assert!(!figure(f64::NAN, Goal::AtLeast(0.0)).ok);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
