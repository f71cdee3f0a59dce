//! The kinds of candidates.

/// The difference between a candidate and the good one.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// None. Another name for it gives other bytes that decide the same.
    Good,
    /// A total above ten is rejected: what was accepted is rejected.
    Limit10,
    /// No total is rejected: what was rejected is accepted.
    LimitNone,
    /// Adds twice the amount: other events.
    Double,
    /// Rejects in other words.
    Reworded,
    /// Snapshots of another form, and takes no others.
    OtherState,
    /// Traps on the tenth event of a stream, and on those after it.
    TrapLate,
    /// Traps on every command.
    TrapOnHandle,
    /// Traps on a command with the amount 13.
    TrapOn13,
    /// Has no command `Reset`.
    NoReset,
    /// Calls its event `Increased`, and knows no `Added`.
    NoAdded,
    /// Its event lists keys in the order of a hash map.
    HashOrder,
    /// Its event counts the calls since the sandbox was opened.
    StaticCounter,
    /// Never describes itself.
    LoopDescribe,
    /// Takes about half a second to describe itself.
    SlowDescribe,
    /// Never decides.
    LoopHandle,
    /// Comes back from a snapshot with a total of nothing.
    RestoreZero,
    /// Traps when it comes back from a snapshot.
    RestoreTraps,
    /// Decides by a total that its snapshots do not hold.
    HiddenTotal,
    /// Has `Tally2` and no `Tally`.
    OtherAggregate,
    /// Has both.
    TwoAggregates,
}

impl Mode {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "good" | "same-but-different" => Self::Good,
            "limit-10" => Self::Limit10,
            "limit-none" => Self::LimitNone,
            "double" => Self::Double,
            "reworded" => Self::Reworded,
            "other-state" => Self::OtherState,
            "trap-late" => Self::TrapLate,
            "trap-on-handle" => Self::TrapOnHandle,
            "trap-on-13" => Self::TrapOn13,
            "no-reset" => Self::NoReset,
            "no-added" => Self::NoAdded,
            "hash-order" => Self::HashOrder,
            "static-counter" => Self::StaticCounter,
            "loop-describe" => Self::LoopDescribe,
            "slow-describe" => Self::SlowDescribe,
            "loop-handle" => Self::LoopHandle,
            "restore-zero" => Self::RestoreZero,
            "restore-traps" => Self::RestoreTraps,
            "hidden-total" => Self::HiddenTotal,
            "other-aggregate" => Self::OtherAggregate,
            "two-aggregates" => Self::TwoAggregates,
            other => panic!("there is no mode {other:?}"),
        }
    }

    /// The aggregate types that it has.
    pub(crate) fn aggregates(self) -> &'static [&'static str] {
        match self {
            Self::OtherAggregate => &["Tally2"],
            Self::TwoAggregates => &["Tally", "Tally2"],
            _ => &["Tally"],
        }
    }

    /// The event that `Add` produces.
    pub(crate) fn added(self) -> &'static str {
        if self == Self::NoAdded { "Increased" } else { "Added" }
    }

    pub(crate) fn resets(self) -> bool {
        self != Self::NoReset
    }

    /// The largest total.
    pub(crate) fn limit(self) -> u64 {
        match self {
            Self::Limit10 => 10,
            Self::LimitNone => u64::MAX,
            _ => 1_000,
        }
    }

    pub(crate) fn describe_badly(self) {
        match self {
            Self::LoopDescribe => spin(),
            Self::SlowDescribe => dawdle(),
            _ => {}
        }
    }

    pub(crate) fn handle_badly(self, amount: u64) {
        match self {
            Self::TrapOnHandle => panic!("I handle nothing"),
            Self::TrapOn13 if amount == 13 => panic!("thirteen!"),
            Self::LoopHandle => spin(),
            _ => {}
        }
    }
}

fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// Asking the host takes time and little fuel.
fn dawdle() {
    for _ in 0..1_000_000 {
        std::hint::black_box(std::time::SystemTime::now());
    }
}
