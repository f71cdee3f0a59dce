//! Finds the events that a fault needs, by running the bundle without some of them: delta debugging.

use super::{Bundle, BundleRerun, StartingState};
use crate::without_logging::without_logging;

/// A bundle with fewer events that shows the same fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortenedBundle {
    /// The shortened bundle.
    pub bundle: Bundle,
    /// Count of runs.
    pub runs: usize,
    /// The fault needs every event that is left. If false, the limit of runs was reached before that was known.
    pub minimal: bool,
}

/// Removes events from a bundle for as long as the recorded fault is reproduced, in at most `limit` runs. After each
/// run, `on_run` gets the count of runs and the count of events that are left.
///
/// `None` if the fault is not reproduced even with all events.
pub fn shorten(rerun: &BundleRerun<'_>, limit: usize, mut on_run: impl FnMut(usize, usize)) -> Option<ShortenedBundle> {
    let start = without_logging(|| rerun.runs()).into_iter().find(|run| run.reproduced)?.start;
    let all = rerun.events(start);
    let (mut runs, mut left) = (0, all.len());
    let (remaining, minimal) = minimise((0..all.len()).collect(), |indices| {
        if runs == limit {
            return None;
        }
        runs += 1;
        let events = indices.iter().map(|&index| &all[index]).collect();
        let reproduced = without_logging(|| rerun.reproduces(&rerun.run(start, &events)));
        if reproduced {
            left = indices.len();
        }
        on_run(runs, left);
        Some(reproduced)
    });
    let bundle = rerun.bundle;
    let after = bundle.snapshot.as_ref().filter(|_| start == StartingState::Snapshot).map(|snapshot| snapshot.version);
    let bundle = Bundle {
        snapshot: after.and(bundle.snapshot.clone()),
        after: after.unwrap_or(0),
        events: remaining.into_iter().map(|index| all[index].clone()).collect(),
        shortened_from: bundle.shortened_from.or(Some(bundle.events.len() as u64)),
        ..bundle.clone()
    };
    Some(ShortenedBundle { bundle, runs, minimal })
}

/// Zeller and Hildebrandt's `ddmin` ("Simplifying and isolating failure-inducing input", 2002). Returns the smallest
/// list found that still fails, and whether removing any one of its items makes it pass. `fails` returns `None` when
/// no more runs are allowed.
fn minimise(items: Vec<usize>, mut fails: impl FnMut(&[usize]) -> Option<bool>) -> (Vec<usize>, bool) {
    let mut remaining = items;
    match fails(&[]) {
        Some(true) => return (Vec::new(), true),
        Some(false) => {}
        None => return (remaining, false),
    }
    let mut parts = 2;
    while remaining.len() > 1 {
        let size = remaining.len().div_ceil(parts);
        let Some(smaller) = reduce(&remaining, size, &mut fails) else { return (remaining, false) };
        match smaller {
            Some((smaller, next_parts)) => (remaining, parts) = (smaller, next_parts),
            None if size == 1 => return (remaining, true),
            None => parts = (parts * 2).min(remaining.len()),
        }
    }
    (remaining, true)
}

/// Finds one of the parts that fails, or all but one of them that do, and the count of parts into which that is
/// divided next. The outer `None` means that no more runs are allowed, the inner one that nothing smaller fails.
fn reduce(
    remaining: &[usize],
    size: usize,
    fails: &mut impl FnMut(&[usize]) -> Option<bool>,
) -> Option<Option<(Vec<usize>, usize)>> {
    let parts = remaining.len().div_ceil(size);
    for part in remaining.chunks(size) {
        if fails(part)? {
            return Some(Some((part.to_vec(), 2)));
        }
    }
    // Of two parts, the rest is the other part, which was tried already.
    for at in (0..remaining.len()).step_by(size).filter(|_| parts > 2) {
        let rest: Vec<usize> = remaining[..at].iter().chain(remaining[at..].iter().skip(size)).copied().collect();
        if fails(&rest)? {
            return Some(Some((rest, (parts - 1).max(2))));
        }
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimum(count: usize, fails: impl Fn(&[usize]) -> bool) -> (Vec<usize>, usize) {
        let mut runs = 0;
        let (remaining, minimal) = minimise((0..count).collect(), |items| {
            runs += 1;
            Some(fails(items))
        });
        assert!(minimal && fails(&remaining));
        for without in 0..remaining.len() {
            let mut fewer = remaining.clone();
            fewer.remove(without);
            assert!(!fails(&fewer), "{remaining:?} passes without {}", remaining[without]);
        }
        (remaining, runs)
    }

    #[test]
    fn the_needed_items_remain_in_their_order() {
        assert_eq!(minimum(100, |items| items.contains(&77) && items.contains(&12)).0, [12, 77]);
        assert_eq!(minimum(1_000, |items| items.contains(&999)).0, [999]);
        assert_eq!(minimum(64, |items| items.len() >= 10).0.len(), 10);
        assert_eq!(minimum(5, |items| items.len() == 5).0, [0, 1, 2, 3, 4]);
        assert_eq!(minimum(1, |items| items == [0]).0, [0]);
    }

    #[test]
    fn a_test_that_always_fails_needs_no_items_and_one_run() {
        assert_eq!(minimum(1_000, |_| true), (vec![], 1));
    }

    #[test]
    fn one_of_many_is_found_in_few_runs() {
        let (_, runs) = minimum(100_000, |items| items.contains(&54_321));
        assert!(runs < 60, "{runs}");
    }

    #[test]
    fn the_best_list_so_far_is_returned_when_runs_are_used_up() {
        let mut left = 10;
        let (remaining, minimal) = minimise((0..1_000).collect(), |items| {
            left -= 1;
            (left >= 0).then(|| items.contains(&0) && items.contains(&999))
        });
        assert!(!minimal && remaining.contains(&0) && remaining.contains(&999));
    }
}
