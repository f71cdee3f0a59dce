//! Divides the commands of a partition into windows, each of which one short transaction reads.

/// Commands of a window.
const WINDOW_COMMANDS: u64 = 16_384;

/// Returns the windows of the first `count` commands: the number before the first command of each, and the number of its last one.
pub(super) fn command_windows(count: u64) -> impl Iterator<Item = (u64, u64)> {
    let window = move |after| (after, count.min(after + WINDOW_COMMANDS));
    (0..count).step_by(WINDOW_COMMANDS as usize).map(window)
}
