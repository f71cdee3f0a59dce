//! The context of a command.

use crate::Timestamp;

/// Everything besides state and command that a decision may depend on. The host records it with the command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// The id of the aggregate that the command is for.
    pub aggregate_id: String,
    /// Always unique: a repeated id is answered with the stored outcome and never reaches the plugin.
    pub command_id: String,
    /// The time at which the host admitted the command. Never runs backwards within a stream.
    pub now: Timestamp,
    /// Derived from the command id: the only source of randomness.
    pub seed: u64,
    /// Shared by all messages that follow from one first cause.
    pub correlation_id: String,
    /// The message that caused this command, if one did.
    pub causation_id: Option<String>,
    /// The person or system that asked for it, as the caller states it.
    pub actor: Option<String>,
    /// Free key-value pairs, in the caller's order.
    pub metadata: Vec<(String, String)>,
}

impl Context {
    /// Returns random numbers for this command: the same ones whenever it is decided again.
    pub fn random(&self) -> Random {
        Random { state: self.seed }
    }
}

/// A seeded sequence of random numbers (SplitMix64). Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Returns the next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is not an iterator to collect")]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns the next number in `0..bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_never_changes() {
        let mut random = Random { state: 0 };
        assert_eq!([random.next(), random.next()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        assert!((0..1_000).all(|_| random.below(6) < 6));
        assert_eq!(random.below(0), 0);
    }
}
