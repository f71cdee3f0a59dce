//! The smallest plugin: one number that goes up and down, and never below zero.

use cantus_sdk::prelude::*;

/// The state: what the events so far add up to.
#[aggregate(snapshot_every = 100)]
pub struct Counter {
    value: u64,
}

/// Asks for one more.
#[command(Counter, version = 1, produces = [Incremented])]
pub struct Increment {}

#[command_handler(Counter, version = 1)]
impl IncrementHandler {
    type Error = CounterError;

    fn handle(&self, state: &Counter, _: Increment) -> Result<Incremented, CounterError> {
        let value = state.value.checked_add(1).ok_or(CounterError::Full)?;
        Ok(Incremented { value })
    }
}

/// Asks for one less.
#[command(Counter, version = 1, produces = [Decremented])]
pub struct Decrement {}

#[command_handler(Counter, version = 1)]
impl DecrementHandler {
    type Error = CounterError;

    fn handle(&self, state: &Counter, _: Decrement) -> Result<Decremented, CounterError> {
        let value = state.value.checked_sub(1).ok_or(CounterError::AtZero)?;
        Ok(Decremented { value })
    }
}

/// Asks for zero. A counter that is there already has nothing to say.
#[command(Counter, version = 1, produces = [ResetToZero])]
pub struct Reset {}

#[command_handler(Counter, version = 1)]
impl ResetHandler {
    type Error = CounterError;

    fn handle(&self, state: &Counter, _: Reset) -> Result<Option<ResetToZero>, CounterError> {
        Ok((state.value > 0).then_some(ResetToZero {}))
    }
}

/// There is one more; `value` is how many there are now.
#[event(Counter, version = 1)]
pub struct Incremented {
    pub value: u64,
}

#[event_combiner(Counter, version = 1)]
impl Incremented {
    fn combine(&self, state: &mut Counter) {
        state.value = self.value;
    }
}

/// There is one less; `value` is how many there are now.
#[event(Counter, version = 1)]
pub struct Decremented {
    pub value: u64,
}

#[event_combiner(Counter, version = 1)]
impl Decremented {
    fn combine(&self, state: &mut Counter) {
        state.value = self.value;
    }
}

/// It is at zero again.
#[event(Counter, version = 1)]
pub struct ResetToZero {}

#[event_combiner(Counter, version = 1)]
impl ResetToZero {
    fn combine(&self, state: &mut Counter) {
        state.value = 0;
    }
}

/// Why the counter says no.
#[rejection]
pub enum CounterError {
    #[message("the counter is at zero and does not go below")]
    AtZero,
    #[message("the counter is as high as it goes")]
    Full,
}

#[cfg(test)]
mod tests {
    use cantus_sdk::testing::given;

    use super::*;

    #[test]
    fn it_counts() {
        let counter = given::<Counter>("visitors")
            .when(Increment {})
            .then(Incremented { value: 1 })
            .when(Increment {})
            .then(Incremented { value: 2 })
            .when(Decrement {})
            .then(Decremented { value: 1 });
        assert_eq!(counter.state().value, 1);
    }

    #[test]
    fn it_stops_at_both_ends() {
        given::<Counter>("visitors").when(Decrement {}).then_rejected("at-zero");
        given::<Counter>("visitors").events(Incremented { value: u64::MAX }).when(Increment {}).then_rejected("full");
    }

    #[test]
    fn a_reset_at_zero_is_no_event() {
        given::<Counter>("visitors")
            .when(Reset {})
            .then_nothing()
            .events(Incremented { value: 7 })
            .when(Reset {})
            .then(ResetToZero {})
            .when(Reset {})
            .then_nothing();
    }
}
